import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, before, it } from 'node:test';
import { lint } from '#lib/profile/lint';
import { effectiveAsWritten } from '#lib/profile/seccomp/effective-profile';
import type { SeccompArg, SeccompProfile, SeccompRule } from '#lib/profile/seccomp/model';
import { syscallNames } from '#lib/profile/seccomp/tables/syscall-names';
import { validateArtifact } from '#lib/profile/validate-artifact';
import { usualDefault } from '#test/support/runtime-default';
import { temporaryFolder } from '../../peers/program.ts';
import { describePeers } from '../../peers/require.ts';
import { harmlessCalls, ProbeContainer } from '../../support/kernel/run-probe.ts';

const native = 'SCMP_ARCH_X86_64';
const calls = [{ architecture: native, syscall: 'getpgid', args: [0n, 0n, 0n, 0n, 0n, 0n] }];
/**
 * Milliseconds, on a busy machine too: what loads quickly takes a quarter of a second, what does
 * not goes on and on.
 */
const patience = 8_000;

/** What the probe needs besides. */
const baseline = usualDefault({ architecture: 'amd64', capabilities: ['ALL'] });
const isNeeded = (name: string) => !Object.hasOwn(harmlessCalls, name);
const needed: readonly SeccompRule[] = (baseline.syscalls ?? [])
  .filter(({ args, action }) => args === undefined && action === 'SCMP_ACT_ALLOW')
  .map((rule) => ({ ...rule, names: rule.names.filter(isNeeded) }));

type Condition = readonly [index: number, op: 'EQ' | 'GE', value: bigint];

function when(name: string, conditions: readonly Condition[]): SeccompRule {
  const args = conditions.map(([index, op, value]): SeccompArg => ({ index, op: `SCMP_CMP_${op}`, value }));
  return { names: [name], action: 'SCMP_ACT_LOG', args };
}

function profile(rules: readonly SeccompRule[]): SeccompProfile {
  return { defaultAction: 'SCMP_ACT_ERRNO', architectures: [native], syscalls: [...rules, ...needed] };
}

/**
 * Two rules over which libseccomp never ends: they share a comparison, and go on on different
 * arguments.
 */
const endless: readonly (readonly Condition[])[] = [
  [
    [2, 'GE', 5n],
    [3, 'EQ', 1n],
  ],
  [
    [2, 'GE', 5n],
    [4, 'EQ', 2n],
  ],
];
/**
 * Rules on different arguments, found by search: libseccomp is busy with them for seconds, and with
 * one more for minutes.
 */
const slow: readonly (readonly Condition[])[] = [
  '5=10737418240',
  '2=23622320128',
  '2=10737418240 5=1 1=10737418240 3=1',
  '2=30064771072 0=4 5=4 4=23622320128 3=10',
  '1=30064771072 4=4',
  '0=10 5=15 2=23622320128 3=1 1=17179869184',
  '1=23622320128',
  '5=17179869184',
  '5=1 1=10',
  '4=30064771072 3=4294967296',
  '2=13 4=36507222016 1=36507222016 5=15',
  '0=1 2=10737418240 4=36507222016 5=13 3=9 1=13',
  '3=0 2=1 5=3',
  '1=18 3=19 4=13 2=13',
  '2=4 5=23622320128 4=12 1=19 0=4294967296',
  '1=9',
  '2=17179869184 3=7 5=4294967296 0=17179869184 4=18',
  '3=0 0=4 2=4294967296',
  '4=19 0=18 5=18 1=6 2=30064771072',
  '0=10737418240 4=18 3=19',
  '3=10737418240 5=9',
  '0=0 2=4 3=18 1=6 4=7',
  '4=0',
  '1=4294967296 0=23622320128 2=17179869184 4=4294967296 3=0 5=4',
].map((rule) =>
  rule.split(' ').map((condition): Condition => {
    const [index, value] = condition.split('=');
    return [Number(index), 'EQ', BigInt(value ?? '')];
  }),
);

describePeers(['runc', 'cc', 'root'], 'the time that runc takes to load a profile', () => {
  let directory: string;
  let container: ProbeContainer;
  before(() => {
    directory = temporaryFolder('load');
    container = new ProbeContainer(directory);
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  const starts = (seccomp: SeccompProfile) => container.run(seccomp, calls, patience) !== undefined;
  const isFlagged = (seccomp: SeccompProfile) =>
    lint({ kind: 'Seccomp', seccomp }).some(({ code }) => code === 'slow-to-load');

  /** For each of several syscalls, which libseccomp goes through one after the other. */
  const given = (rules: readonly (readonly Condition[])[]) =>
    profile(Object.keys(harmlessCalls).flatMap((name) => rules.map((each) => when(name, each))));

  for (const [name, conditions] of Object.entries({ endless, slow })) {
    it(`is what lint says it is: ${name}`, () => {
      const flagged = given(conditions);
      assert.ok(isFlagged(flagged));
      assert.equal(starts(flagged), false, 'lint warns of what is quick');
      const few = given(name === 'endless' ? conditions.slice(1) : conditions.slice(0, 5));
      assert.equal(isFlagged(few), false);
      assert.ok(starts(few), 'lint does not warn of what is slow');
    });

    it(`is short under the effective profile of what is not: ${name}`, () => {
      const artifact = given(conditions);
      validateArtifact({ kind: 'Seccomp', seccomp: artifact }, { entriesPerSyscall: 128 });
      for (const inputs of [{ artifact }, { baseline, artifact }, { base: artifact, artifact }]) {
        const effective = effectiveAsWritten(inputs, native).profile;
        assert.equal(isFlagged(effective), false);
        assert.ok(starts(effective));
      }
    });
  }

  it('is short where an artifact gives every syscall the slowest rules that may stay', () => {
    const spared = new Set(needed.flatMap(({ names }) => names));
    const names = [...syscallNames()].filter((name) => !spared.has(name));
    const rules = [...Object.keys(harmlessCalls), ...names].flatMap((name) =>
      slow.slice(0, 5).map((each) => when(name, each)),
    );
    const artifact = profile(rules);
    validateArtifact({ kind: 'Seccomp', seccomp: artifact }, { entriesPerSyscall: 128 });
    const effective = effectiveAsWritten({ artifact }, native).profile;
    assert.ok(
      (effective.syscalls ?? []).some(({ args = [] }) => args.length > 1),
      'nothing of it stayed',
    );
    assert.ok(starts(effective));
  });
});
