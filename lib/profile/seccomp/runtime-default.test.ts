import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { evaluate } from '#test/oracle/seccomp-evaluate';
import type { MachineArchitecture } from './architecture.ts';
import { runtimeDefault } from './runtime-default.ts';
import { v2_1_0 } from './runtime-defaults/containerd.ts';

const clone = (capabilities: readonly string[], architecture: MachineArchitecture, args: bigint[]) =>
  evaluate(runtimeDefault([v2_1_0], { architecture, kernel: '6.1', capabilities }), {
    architecture: native[architecture] ?? '',
    syscall: 'clone',
    args,
  });
const native: Partial<Record<MachineArchitecture, string>> = { amd64: 'SCMP_ARCH_X86_64', s390x: 'SCMP_ARCH_S390X' };

describe('runtimeDefault', () => {
  it('follows the capabilities, however they are written', () => {
    const allows = (capabilities: readonly string[], syscall: string) =>
      evaluate(runtimeDefault([v2_1_0], { architecture: 'amd64', kernel: '6.1', capabilities }), {
        architecture: 'SCMP_ARCH_X86_64',
        syscall,
        args: [],
      });
    assert.equal(allows([], 'mount'), 'SCMP_ACT_ERRNO 1');
    for (const name of ['CAP_SYS_ADMIN', 'sys_admin', 'ALL']) assert.equal(allows([name], 'mount'), 'SCMP_ACT_ALLOW');
    assert.equal(allows(['CAP_SYS_ADMIN'], 'reboot'), 'SCMP_ACT_ERRNO 1');
    assert.equal(allows([], 'clone3'), 'SCMP_ACT_ERRNO 38');
    assert.equal(allows([], 'io_uring_setup'), 'SCMP_ACT_ERRNO 1');
  });

  it('keeps namespaces from programs without CAP_SYS_ADMIN; s390x passes the flags second', () => {
    assert.equal(clone([], 'amd64', [0x11n]), 'SCMP_ACT_ALLOW');
    assert.equal(clone([], 'amd64', [0x1000_0011n]), 'SCMP_ACT_ERRNO 1');
    assert.equal(clone([], 's390x', [0x1000_0011n, 0n]), 'SCMP_ACT_ALLOW');
    assert.equal(clone([], 's390x', [0n, 0x1000_0011n]), 'SCMP_ACT_ERRNO 1');
    assert.equal(clone(['CAP_SYS_ADMIN'], 'amd64', [0x1000_0011n]), 'SCMP_ACT_ALLOW');
  });

  it('lists the architectures of the machine, its own first', () => {
    assert.deepEqual(
      runtimeDefault([v2_1_0], { architecture: 'arm64', kernel: '6.1', capabilities: [] }).architectures,
      ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'],
    );
  });
});
