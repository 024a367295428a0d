import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import { runtimeDefault } from '#lib/profile/seccomp/runtime-default';
import { v2_1_0 } from '#lib/profile/seccomp/tables/runtime-defaults/containerd';
import { defaultCapabilities } from '#lib/profile/seccomp/tables/runtime-identity';
import { arbitraryProfile, cornerCalls } from '#test/oracle/seccomp-arbitrary';
import { type Call, evaluate, rank } from '#test/oracle/seccomp-evaluate';
import { ReportedDefaults } from './reported-defaults.ts';

const native = 'SCMP_ARCH_X86_64';
const usual = defaultCapabilities('containerd');
const admin = [...usual, 'CAP_SYS_ADMIN'].sort();
const of = (capabilities: readonly string[]) =>
  runtimeDefault([v2_1_0], { architecture: 'amd64', kernel: '6.1', capabilities });
const call = (syscall: string, ...args: bigint[]): Call => ({ architecture: native, syscall, args });
const allows = (profile: SeccompProfile, syscall: string, ...args: bigint[]) =>
  evaluate(profile, call(syscall, ...args)) === 'SCMP_ACT_ALLOW';

function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 48_271) >>> 0) % 2_147_483_647 || 1;
    return state / 2_147_483_647;
  };
}

/** The profile with more rules before its own. */
const allowing = (profile: SeccompProfile, ...names: string[]): SeccompProfile => ({
  ...profile,
  syscalls: [{ names, action: 'SCMP_ACT_ALLOW' }, ...(profile.syscalls ?? [])],
});
const refusing = (profile: SeccompProfile, ...names: string[]): SeccompProfile => ({
  ...profile,
  syscalls: (profile.syscalls ?? []).map((rule) => ({
    ...rule,
    names: rule.names.filter((name) => !names.includes(name)),
  })),
});

function defaultsWith(profile: SeccompProfile, { capabilities = usual, isGuess = false } = {}) {
  const reports = new ReportedDefaults(native);
  const deviation = reports.add(capabilities, profile, { expected: of(capabilities), isGuess, at: 5 });
  return { reports, deviation };
}
const expecting = (capabilities: readonly string[], mayBeLooser = true) => ({
  expected: of(capabilities),
  mayBeLooser,
});

describe('reported defaults', () => {
  it('are what was reported for a set, looser and stricter', () => {
    const reported = refusing(allowing(of(usual), 'io_uring_setup'), 'socket');
    const { reports, deviation } = defaultsWith(reported);
    assert.deepEqual(deviation, { loosened: ['io_uring_setup'], tightened: ['socket'] });
    assert.equal(reports.profileFor(usual, expecting(usual)), reported);
  });

  it('never loosen for another set, and tighten it only in what was stricter than expected', () => {
    const reported = refusing(allowing(of(usual), 'io_uring_setup', 'mount'), 'socket');
    const { reports } = defaultsWith(reported);
    const other = reports.profileFor(admin, expecting(admin));
    assert.ok(!allows(other, 'io_uring_setup'));
    assert.ok(!allows(other, 'socket', 2n));
    assert.ok(allows(other, 'mount'), 'which CAP_SYS_ADMIN allows, whatever holds without');
    assert.ok(allows(other, 'read'));
    assert.ok(!allows(reports.profileFor([], expecting([])), 'mount'));
  });

  it('change nothing for other sets where they are as expected', () => {
    const { reports, deviation } = defaultsWith(of(usual));
    assert.deepEqual(deviation, { loosened: [], tightened: [] });
    const expected = of(admin);
    assert.equal(reports.profileFor(admin, { expected, mayBeLooser: true }), expected);
  });

  it('hold whole for other sets where what was expected is a guess, and a wrong one', () => {
    const right = defaultsWith(of(usual), { isGuess: true }).reports;
    assert.ok(allows(right.profileFor(admin, expecting(admin)), 'mount'));
    const wrong = defaultsWith(refusing(of(usual), 'socket'), { isGuess: true }).reports;
    assert.ok(!allows(wrong.profileFor(admin, expecting(admin)), 'mount'));
  });

  it('are no looser than a configured file', () => {
    const { reports } = defaultsWith(refusing(allowing(of(usual), 'io_uring_setup'), 'socket'));
    const profile = reports.profileFor(usual, expecting(usual, false));
    assert.ok(!allows(profile, 'io_uring_setup') && !allows(profile, 'socket', 2n) && allows(profile, 'read'));
  });

  it('loosen nothing once a set is disputed, however often', () => {
    const { reports } = defaultsWith(allowing(of(usual), 'io_uring_setup'));
    assert.ok(allows(reports.profileFor(usual, expecting(usual)), 'io_uring_setup'));
    const context = { expected: of(usual), isGuess: false, at: 6 };
    assert.ok(reports.add(usual, refusing(of(usual), 'socket'), context));
    const { revision } = reports;
    for (const again of [allowing(of(usual), 'io_uring_setup'), refusing(of(usual), 'socket')]) {
      assert.equal(reports.add(usual, again, context), undefined);
    }
    assert.equal(reports.revision, revision);
    const disputed = reports.profileFor(usual, expecting(usual));
    assert.ok(!allows(disputed, 'io_uring_setup') && !allows(disputed, 'socket', 2n) && allows(disputed, 'read'));
    assert.ok(!allows(reports.profileFor(admin, expecting(admin)), 'socket', 2n));
    const names = ['read', 'write', 'open', 'close', 'stat', 'fstat', 'lstat', 'poll', 'lseek'];
    const told = names.filter((name) => reports.add(usual, refusing(of(usual), name), context));
    assert.ok(told.length < names.length, 'not all are told of');
    for (const name of names) assert.ok(!allows(reports.profileFor(usual, expecting(usual)), name), name);
  });

  it('tell when a set was reported, and are bounded', () => {
    const { reports } = defaultsWith(of(usual));
    assert.equal(reports.reportedAt(usual), 5);
    assert.equal(reports.reportedAt(admin), undefined);
    reports.add(usual, of(usual), { expected: of(usual), isGuess: false, at: 9 });
    assert.equal(reports.reportedAt(usual), 9);
    const context = { expected: of([]), isGuess: false, at: 9 };
    for (let i = 0; i < 100; i++) reports.add([`CAP_${i}`], of([]), context);
    assert.notEqual(reports.reportedAt(['CAP_10']), undefined);
    assert.equal(reports.reportedAt(['CAP_99']), undefined);
    assert.equal(
      reports.add(usual, refusing(of(usual), 'socket'), { ...context, expected: of(usual) })?.tightened[0],
      'socket',
    );
  });

  it('have other revisions than all others have', () => {
    const [one, other] = [defaultsWith(of(usual)).reports, defaultsWith(of(usual)).reports];
    assert.notEqual(one.revision, other.revision);
    assert.equal(new ReportedDefaults(native).revision, 0);
  });

  it('are for any profiles never looser for another set than expected, nor than the report where that was stricter', () => {
    const names = ['read', 'clone', 'socket'];
    const shape = { names, architectures: [[], [native], [native, 'SCMP_ARCH_X86']], wide: false, rules: 5 };
    const three = fc.tuple(arbitraryProfile(shape), arbitraryProfile(shape), arbitraryProfile(shape));
    let tightened = 0;
    const seeds = fc.integer({ min: 1, max: 2 ** 31 - 1 });
    const property = fc.property(
      three,
      fc.boolean(),
      seeds,
      ([expected, reported, expectedElsewhere], isGuess, seed) => {
        const reports = new ReportedDefaults(native);
        reports.add(['CAP_A'], reported, { expected, isGuess, at: 0 });
        const profile = reports.profileFor(['CAP_B'], { expected: expectedElsewhere, mayBeLooser: true });
        const strictly = new Set<string>();
        const calls = cornerCalls([expected, reported, expectedElsewhere], names, [native], 120, randomFrom(seed));
        for (const each of calls) {
          const [found, least] = [rank(evaluate(profile, each)), rank(evaluate(expectedElsewhere, each))];
          assert.ok(found >= least, `looser at ${each.syscall}`);
          if (rank(evaluate(reported, each)) <= rank(evaluate(expected, each))) continue;
          strictly.add(each.syscall);
          assert.ok(found >= rank(evaluate(reported, each)), `looser than reported at ${each.syscall}`);
        }
        if (strictly.size > 0) tightened += 1;
      },
    );
    fc.assert(property, { numRuns: 300 });
    assert.ok(tightened > 50);
  });
});
