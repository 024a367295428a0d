import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { arbitraryProfile, cornerCalls, type Shape } from '#test/oracle/seccomp-arbitrary';
import { evaluate, rank } from '#test/oracle/seccomp-evaluate';
import { intersectedSyscalls } from '#test/support/intersected-syscalls';
import { usualDefault } from '#test/support/runtime-default';
import { randomFrom } from '../../../test/fuzz/mutate.ts';
import { effectiveAsWritten } from './effective-profile.ts';
import { intersect } from './intersect.ts';
import type { SeccompProfile } from './model.ts';

const native = 'SCMP_ARCH_X86_64';
const names = ['read', 'clone', 'socket'];
const both = [native, 'SCMP_ARCH_X86'];
const shapes: readonly Shape[] = [
  { names, architectures: [[], [native]], wide: true, rules: 5 },
  { names, architectures: [both, [native]], wide: false, rules: 5 },
  { names, architectures: [both], wide: true, rules: 5 },
];
const [allow, log, deny] = ['SCMP_ACT_ALLOW', 'SCMP_ACT_LOG', 'SCMP_ACT_ERRNO'] as const;
const refusing = ['SCMP_ACT_KILL_PROCESS', 'SCMP_ACT_KILL', 'SCMP_ACT_TRAP', deny, 'SCMP_ACT_NOTIFY', 'SCMP_ACT_TRACE'];
const baseline = usualDefault({ architecture: 'amd64', capabilities: [] });

function logged(artifact: SeccompProfile) {
  return effectiveAsWritten({ baseline, artifact, mode: 'Log' }, native);
}

function resultOf(profile: SeccompProfile, syscall: string, ...args: bigint[]): string {
  return evaluate(profile, { architecture: native, syscall, args });
}

describe('a profile of which only the baseline and the base are enforced', () => {
  it('refuses what these refuse, and logs what only the artifact does not allow, wherever it is exact', () => {
    let [refusals, logs] = [0, 0];
    for (const shape of shapes) {
      for (const count of [2, 3]) {
        const inputs = fc.array(arbitraryProfile(shape), { minLength: count, maxLength: count });
        const property = fc.property(inputs, fc.nat(), (profiles, seed) => {
          const random = randomFrom(seed);
          const found = intersect(profiles, native, profiles[0], 'Log');
          const syscalls = intersectedSyscalls(found);
          const isExact = new Map(syscalls.map((syscall) => [syscall.name, syscall.result.exact]));
          for (const call of cornerCalls(profiles, names, both, 120, () => random(2 ** 30) / 2 ** 30)) {
            // Rules are for all architectures of a profile.
            const others = profiles.slice(0, -1);
            const artifact = { ...(profiles.at(-1) as SeccompProfile), architectures: both };
            const enforced = Math.max(...others.map((profile) => rank(evaluate(profile, call))));
            const own = rank(evaluate(artifact, call));
            const wanted = Math.max(enforced, Math.min(own, rank(log)));
            const result = evaluate(found.profile, call);
            assert.ok(rank(result) >= wanted, result);
            if (isExact.get(call.syscall) ?? true) assert.equal(rank(result), wanted);
            if (enforced > rank(log)) refusals += 1;
            else if (result === log && own > rank(log)) logs += 1;
          }
        });
        fc.assert(property, { numRuns: 40 });
      }
    }
    assert.ok(refusals > 400 && logs > 400, `${refusals} refused, ${logs} logged`);
  });

  it('logs whichever way the artifact refuses', () => {
    for (const action of refusing as (typeof deny)[]) {
      const { profile } = logged({ defaultAction: allow, syscalls: [{ names: ['chmod'], action, errnoRet: 13 }] });
      assert.equal(resultOf(profile, 'chmod'), log, action);
      assert.equal(resultOf(profile, 'fchmod'), allow, action);
      assert.equal(resultOf(profile, 'mount'), 'SCMP_ACT_ERRNO 1', action);
    }
    const list = logged({ defaultAction: 'SCMP_ACT_KILL', syscalls: [{ names: ['read', 'mount'], action: allow }] });
    assert.equal(resultOf(list.profile, 'read'), allow);
    assert.equal(resultOf(list.profile, 'chmod'), log);
    assert.equal(resultOf(list.profile, 'mount'), 'SCMP_ACT_ERRNO 1');
  });

  it('logs by arguments', () => {
    const artifact: SeccompProfile = {
      defaultAction: deny,
      syscalls: [{ names: ['socket'], action: allow, args: [{ index: 0, value: 2n, op: 'SCMP_CMP_EQ' }] }],
    };
    const { profile } = logged(artifact);
    assert.equal(resultOf(profile, 'socket', 2n), allow);
    assert.equal(resultOf(profile, 'socket', 10n), log);
    assert.equal(resultOf(profile, 'socket', 40n), 'SCMP_ACT_ERRNO 1', 'AF_VSOCK, which the baseline refuses');
  });

  it('logs what the artifact refuses before it allows it', () => {
    const artifact: SeccompProfile = {
      defaultAction: deny,
      syscalls: [
        { names: ['read'], action: deny, errnoRet: 13 },
        { names: ['read'], action: allow },
      ],
    };
    assert.equal(resultOf(logged(artifact).profile, 'read'), log);
  });

  it('runs programs of all architectures of the baseline, and reports those that the artifact lacks', () => {
    const artifact: SeccompProfile = { defaultAction: deny, syscalls: [{ names: ['read'], action: allow }] };
    const { profile, unlogged } = logged({ ...artifact, architectures: [native] });
    assert.deepEqual(profile.architectures, [native, 'SCMP_ARCH_X32', 'SCMP_ARCH_X86']);
    assert.deepEqual(new Set(unlogged), new Set(['SCMP_ARCH_X32', 'SCMP_ARCH_X86']));
    const all = logged({ ...artifact, architectures: [...both, 'SCMP_ARCH_X32'] });
    assert.deepEqual([all.profile, all.unlogged], [profile, []]);
  });

  it('reports the constraints of the profile that would be enforced', () => {
    const artifact: SeccompProfile = { defaultAction: deny, syscalls: [{ names: ['read', 'mount'], action: allow }] };
    const { constraints } = logged(artifact);
    assert.deepEqual(constraints, effectiveAsWritten({ baseline, artifact }, native).constraints);
    assert.deepEqual(
      constraints.map(({ subject }) => subject),
      ['mount'],
    );
  });
});
