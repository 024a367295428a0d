import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { usualDefault } from '#test/support/runtime-default';
import { describeExplanation, explainSyscalls } from './explain.ts';
import type { SeccompProfile } from './model.ts';

const native = 'SCMP_ARCH_X86_64';
const baseline = usualDefault({ architecture: 'amd64', capabilities: [] });
const base: SeccompProfile = {
  defaultAction: 'SCMP_ACT_ALLOW',
  syscalls: [{ names: ['mount', 'bind'], action: 'SCMP_ACT_TRAP' }],
};
const artifact: SeccompProfile = {
  defaultAction: 'SCMP_ACT_ERRNO',
  syscalls: [{ names: ['bind', 'clone', 'mount', 'read'], action: 'SCMP_ACT_ALLOW' }],
};

describe('explainSyscalls', () => {
  it('says for each constrained syscall what every input does and which of them constrain', () => {
    assert.deepEqual(explainSyscalls({ baseline, base, artifact }, native).map(describeExplanation), [
      'bind: SCMP_ACT_TRAP\n  baseline: SCMP_ACT_ALLOW\n  base: SCMP_ACT_TRAP (constrains)\n  artifact: SCMP_ACT_ALLOW',
      'clone: SCMP_ACT_ALLOW if arg0 & 0x7e020000 == 0, else SCMP_ACT_ERRNO(1)\n' +
        '  baseline: SCMP_ACT_ALLOW if arg0 & 0x7e020000 == 0, else SCMP_ACT_ERRNO(1) (constrains)\n' +
        '  base: SCMP_ACT_ALLOW\n  artifact: SCMP_ACT_ALLOW',
      'mount: SCMP_ACT_TRAP\n  baseline: SCMP_ACT_ERRNO(1) (constrains)\n  base: SCMP_ACT_TRAP (constrains)\n  artifact: SCMP_ACT_ALLOW',
    ]);
  });

  it('answers for a syscall that no input constrains', () => {
    assert.deepEqual(explainSyscalls({ baseline, artifact }, native, ['read', 'ptrace']), [
      {
        syscall: 'read',
        inputs: [
          { input: 'baseline', decision: 'SCMP_ACT_ALLOW' },
          { input: 'artifact', decision: 'SCMP_ACT_ALLOW' },
        ],
        effective: 'SCMP_ACT_ALLOW',
        constrainedBy: [],
        exact: true,
      },
      {
        syscall: 'ptrace',
        inputs: [
          { input: 'baseline', decision: 'SCMP_ACT_ALLOW' },
          { input: 'artifact', decision: 'SCMP_ACT_ERRNO(1)' },
        ],
        effective: 'SCMP_ACT_ERRNO(1)',
        constrainedBy: [],
        exact: true,
      },
    ]);
  });
});
