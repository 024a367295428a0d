import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { arbitraryProfile, cornerCalls } from '#test/oracle/seccomp-arbitrary';
import { evaluate } from '#test/oracle/seccomp-evaluate';
import { equalsSeccomp } from '../diff.ts';
import type { SeccompArg, SeccompProfile, SeccompRule } from '../model.ts';
import { conflictingSyscalls } from '../read/portability-violations.ts';
import { runtimeDefault } from '../runtime-default.ts';
import { criO } from '../tables/runtime-defaults/cri-o.ts';
import { docker } from '../tables/runtime-defaults/docker.ts';
import { withoutConflicts } from './without-conflicts.ts';

const native = 'SCMP_ARCH_X86_64';
const eq = (index: number, value: bigint): SeccompArg => ({ index, value, op: 'SCMP_CMP_EQ' });
const ne = (index: number, value: bigint): SeccompArg => ({ index, value, op: 'SCMP_CMP_NE' });

function profileOf(...syscalls: readonly SeccompRule[]): SeccompProfile {
  return { defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 38, architectures: [native], syscalls };
}

describe('withoutConflicts', () => {
  it('keeps of a syscall the entry that decides', () => {
    const profile = profileOf(
      { names: ['bpf'], action: 'SCMP_ACT_LOG', args: [eq(0, 1n)] },
      { names: ['read', 'setns'], action: 'SCMP_ACT_ALLOW' },
      { names: ['bpf', 'setns', 'acct'], action: 'SCMP_ACT_ERRNO', errnoRet: 1 },
    );
    assert.deepEqual(withoutConflicts(profile).syscalls, [
      { names: ['bpf'], action: 'SCMP_ACT_ERRNO', errnoRet: 1 },
      { names: ['read'], action: 'SCMP_ACT_ALLOW' },
      { names: ['setns'], action: 'SCMP_ACT_ALLOW' },
      { names: ['acct'], action: 'SCMP_ACT_ERRNO', errnoRet: 1 },
    ]);
  });

  it('writes entries that overlap so that they exclude each other', () => {
    const profile = profileOf(
      { names: ['personality'], action: 'SCMP_ACT_ALLOW', args: [eq(0, 1n), eq(0, 2n)] },
      { names: ['personality'], action: 'SCMP_ACT_LOG', args: [eq(0, 2n)] },
    );
    assert.deepEqual(withoutConflicts(profile).syscalls, [
      { names: ['personality'], action: 'SCMP_ACT_LOG', args: [eq(0, 2n)] },
      { names: ['personality'], action: 'SCMP_ACT_ALLOW', args: [eq(0, 1n)] },
    ]);
  });

  it('leaves what no accepted shape says, and what is added to socketcall in its order', () => {
    const socket = { names: ['socket'], action: 'SCMP_ACT_ALLOW' } as const;
    const both = { ...socket, action: 'SCMP_ACT_ERRNO', errnoRet: 22, args: [eq(0, 16n), eq(2, 9n)] } as const;
    const audit = profileOf(both, { ...socket, args: [ne(0, 16n)] }, { ...socket, args: [ne(2, 9n)] });
    assert.equal(withoutConflicts(audit), audit);
    const decided = { ...profileOf(socket, both), architectures: [native, 'SCMP_ARCH_X86'] };
    assert.equal(withoutConflicts(decided), decided);
    assert.equal(withoutConflicts(profileOf(socket, both)).syscalls?.length, 1);
  });

  it('means the same, and leaves at most the conflicts that there were', () => {
    const shape = {
      names: ['read', 'socket', 'personality'],
      architectures: [[], [native], [native, 'SCMP_ARCH_X86']],
      rules: 5,
      wide: true,
    };
    let rewritten = 0;
    fc.assert(
      fc.property(arbitraryProfile(shape), (profile) => {
        const result = withoutConflicts(profile);
        const [before, after] = [conflictingSyscalls(profile), conflictingSyscalls(result)];
        assert.ok([...after].every((name) => before.has(name)));
        if (after.size < before.size) rewritten += 1;
        const listed = [native, ...(profile.architectures ?? [])];
        const calls = cornerCalls([profile, result], shape.names, listed, 80, Math.random);
        for (const call of calls) assert.equal(evaluate(result, call), evaluate(profile, call));
      }),
      { numRuns: 1000 },
    );
    assert.ok(rewritten > 100, `${rewritten}`);
  });

  it('makes the profiles of Docker and CRI-O publishable, but for conditions with an error number of their own', () => {
    for (const table of [...docker, ...criO]) {
      for (const capabilities of [[], ['CAP_AUDIT_WRITE'], ['CAP_SYS_ADMIN', 'CAP_AUDIT_WRITE'], ['ALL']]) {
        const profile = runtimeDefault([table], { architecture: 'amd64', kernel: '6.1', capabilities });
        const result = withoutConflicts(profile);
        const left = [...conflictingSyscalls(result)].sort();
        const socket = capabilities.length === 0 ? ['socket'] : [];
        const clone = table === criO[0] || capabilities.length > 1 || capabilities.includes('ALL') ? [] : ['clone'];
        assert.deepEqual(left, docker.includes(table) ? [] : [...clone, ...socket]);
        assert.ok(equalsSeccomp(result, profile, native));
      }
    }
  });
});
