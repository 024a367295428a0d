import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import type { SeccompProfile, SeccompRule } from '#lib/profile/seccomp/model';
import { randomFrom } from '../fuzz/mutate.ts';
import { temporaryFolder } from '../peers/program.ts';
import { describePeers } from '../peers/require.ts';
import { checkIntersection, checkUnion } from './check-merge.ts';
import { evaluateLoaded, Libseccomp } from './load-profile.ts';
import { multiplexedNames, type OracleProfile, possibleResults } from './seccomp-evaluate.ts';
import { profilePair } from './seccomp-pairs.ts';

const [native, x86, x32] = ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'];
const [allow, log, deny] = ['SCMP_ACT_ALLOW', 'SCMP_ACT_LOG', 'SCMP_ACT_ERRNO'];
const when = (index: number, op: string, value: bigint) => ({ index, op: `SCMP_CMP_${op}`, value });

describe('what may become of a call through a multiplexer', () => {
  const through = (syscalls: OracleProfile['syscalls'], first: bigint, architecture = x86) =>
    possibleResults(
      { defaultAction: deny, architectures: [architecture], syscalls: syscalls ?? [] },
      { architecture, syscall: 'socketcall', args: [first, 7n, 0n, 0n, 0n, 0n] },
    );
  const rule = (name: string, action = allow, args: ReturnType<typeof when>[] = []) => ({
    names: [name],
    action,
    args,
  });

  it('is what the rules for the member say, without what lies in memory', () => {
    assert.deepEqual(through([rule('socket')], 1n), ['SCMP_ACT_ALLOW']);
    assert.deepEqual(through([rule('socket')], 2n), ['SCMP_ACT_ERRNO 1']);
    assert.deepEqual(through([rule('bind')], 0x5_0000_0002n), ['SCMP_ACT_ALLOW']);
    assert.deepEqual(through([rule('socket', allow, [when(0, 'EQ', 1n)])], 1n), ['SCMP_ACT_ERRNO 1', 'SCMP_ACT_ALLOW']);
  });

  it('is what the rules for the multiplexer say, which know their arguments', () => {
    const own = rule('socketcall', log, [when(1, 'EQ', 7n)]);
    assert.deepEqual(through([own], 1n), ['SCMP_ACT_LOG']);
    assert.deepEqual(through([rule('socketcall', log, [when(1, 'EQ', 8n)])], 1n), ['SCMP_ACT_ERRNO 1']);
    assert.deepEqual(through([own, rule('socket', 'SCMP_ACT_TRAP')], 1n), ['SCMP_ACT_TRAP']);
    assert.deepEqual(through([rule('socketcall', log), rule('socket', 'SCMP_ACT_TRAP')], 1n), ['SCMP_ACT_LOG']);
  });

  it('is of the multiplexer alone if no direct call exists', () => {
    assert.deepEqual(through([rule('socket')], 1n, native), ['SCMP_ACT_ERRNO 1']);
    assert.deepEqual(through([rule('socket')], 99n), ['SCMP_ACT_ERRNO 1']);
  });
});

/**
 * Returns the profile with at most one comparison for each call, and none for the calls of
 * multiplexers, with a rule without comparisons that counts everywhere: what libseccomp has no
 * trouble with.
 */
function plainest({ defaultAction, syscalls = [], ...rest }: SeccompProfile): SeccompProfile {
  const seen = new Set([...multiplexedNames, 'socketcall', 'ipc']);
  const rules: SeccompRule[] = [];
  for (const { names, action, args = [] } of syscalls) {
    const fresh = names.filter((name) => !seen.has(name));
    for (const name of fresh) seen.add(name);
    if (fresh.length > 0) rules.push({ names: fresh, action, args: args.slice(0, 1) });
  }
  rules.push({ names: ['exit'], action: defaultAction === 'SCMP_ACT_LOG' ? 'SCMP_ACT_ALLOW' : 'SCMP_ACT_LOG' });
  return { defaultAction, ...(rest.architectures ? { architectures: rest.architectures } : {}), syscalls: rules };
}

describePeers(['cc', 'seccomp.h', 'libseccomp-2.6'], 'the check of a merge', () => {
  let directory: string;
  let libseccomp: Libseccomp;
  before(() => {
    directory = temporaryFolder('libseccomp');
    libseccomp = Libseccomp.start(directory);
  });
  after(async () => {
    await libseccomp.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  const profile = (defaultAction = allow, rest: Partial<OracleProfile> = {}): OracleProfile => ({
    defaultAction: defaultAction,
    ...rest,
  });
  const kinds = async (inputs: readonly OracleProfile[], result: OracleProfile) => {
    const { faults } = await checkIntersection(inputs, result, { libseccomp, runtime: 'runc', random: randomFrom(1) });
    return [...new Set(faults.map(({ kind }) => kind))];
  };
  const denied = (args: ReturnType<typeof when>[], names = ['read']) =>
    profile(allow, { syscalls: [{ names, action: deny, args }] });

  it('reads profiles of one comparison for each call as libseccomp does, on every architecture', async () => {
    const newer = Libseccomp.start(directory, '2.6');
    const property = fc.asyncProperty(profilePair, fc.nat(), async ([generated], seed) => {
      const written = plainest(generated);
      for (const loading of [libseccomp, newer]) {
        const check = { libseccomp: loading, runtime: 'crun', random: randomFrom(seed) } as const;
        const { faults, loadsAsWritten } = await checkIntersection([written], written, check);
        assert.deepEqual(faults, []);
        assert.ok(loadsAsWritten);
      }
    });
    await fc.assert(property, { numRuns: 200 }).finally(() => newer.stop());
  });

  it('finds no fault in a correct merge', async () => {
    const input = denied([when(1, 'EQ', 2n ** 32n)]);
    assert.deepEqual(await kinds([input], input), []);
  });

  it('finds what is looser: in one value, one half of it, by default, and on an architecture', async () => {
    assert.deepEqual(await kinds([denied([when(1, 'GE', 7n)])], denied([when(1, 'GE', 8n)])), ['looser than written']);
    const wide = denied([when(2, 'NE', 2n ** 40n)]);
    assert.deepEqual(await kinds([wide], denied([when(2, 'NE', 2n ** 41n)])), ['looser than written']);
    assert.deepEqual(await kinds([profile(deny)], profile(log)), ['looser than written']);
    const both = profile(deny, { architectures: [native, x86] });
    assert.deepEqual(await kinds([profile(deny)], both), ['looser than written']);
    const three = profile(deny, { architectures: [native, x86, x32] });
    assert.deepEqual(await kinds([both], three), ['looser than written']);
  });

  it('finds what libseccomp makes looser', async () => {
    const architectures = [native, x86];
    const lost = { ...denied([], ['semtimedop']), architectures };
    assert.deepEqual(await kinds([lost], lost), ['looser than written']);
    const check = { libseccomp, runtime: 'runc', random: randomFrom(1) } as const;
    assert.deepEqual((await checkIntersection([lost], lost, check)).withoutRules, [x86]);
    // The comparison of the first argument of ipc with the 1 of semop is used behind that of a
    // level of setsockopt, too.
    const shared = profile(deny, {
      architectures,
      syscalls: [
        { names: ['setsockopt'], action: 'SCMP_ACT_KILL_PROCESS', args: [when(1, 'EQ', 41n)] },
        { names: ['socket', 'semop', 'semget', 'semtimedop', 'shmat', 'exit'], action: allow },
      ],
    });
    const { faults } = await checkIntersection([shared], shared, check);
    assert.deepEqual([...new Set(faults.map(({ point }) => point?.args[1]))], [1n]);
    assert.ok(faults.every(({ point }) => point?.syscall === 'socketcall'));
  });

  it('finds what is looser than an input as that is loaded', async () => {
    const architectures = [native, x86];
    const input = { ...denied([when(0, 'EQ', 40n)], ['socket']), architectures };
    const [rule] = input.syscalls ?? [];
    assert.ok(rule);
    const result = { ...input, syscalls: [{ names: ['socketcall'], action: log }, rule] };
    assert.deepEqual(await kinds([input], result), ['looser than loaded']);
  });

  it('finds what does not load', async () => {
    const tooHigh = profile(deny, { defaultErrnoRet: 4_095 });
    assert.deepEqual(await kinds([tooHigh], tooHigh), ['does not load']);
    const clashing = profile(allow, {
      syscalls: [deny, log].map((action) => ({ names: ['read'], action: action, args: [when(0, 'EQ', 1n)] })),
    });
    assert.deepEqual(await libseccomp.load(clashing), { error: 'error 17 rule read' });
    assert.deepEqual(await libseccomp.load(profile(allow, { architectures: ['SCMP_ARCH_S390X'] })), {
      error: 'error 33 architecture SCMP_ARCH_S390X',
    });
  });

  it('ends a profile over which libseccomp does not end, and goes on', async () => {
    const endless = profile(deny, {
      syscalls: [1, 2].map((index) => ({
        names: ['read'],
        action: log,
        args: [when(0, 'GE', 5n), when(index, 'EQ', 1n)],
      })),
    });
    assert.deepEqual(await libseccomp.load(endless), { error: 'timeout' });
    assert.ok('filter' in (await libseccomp.load(profile())));
  });

  it('makes the calls that runc makes, and those that crun makes', async () => {
    const withErrno = profile(allow, { defaultErrnoRet: 1 });
    assert.ok('filter' in (await libseccomp.load(withErrno, 'runc')));
    assert.deepEqual(await libseccomp.load(withErrno, 'crun'), { error: 'error 0 errno SCMP_ACT_ALLOW' });
    const listening = profile(allow, { syscalls: [{ names: ['write'], action: 'SCMP_ACT_NOTIFY' }] });
    assert.deepEqual(await libseccomp.load(listening, 'runc'), { error: 'error 0 listener write' });
    assert.ok('filter' in (await libseccomp.load(listening, 'crun')));
    // Conditions on one argument are alternatives, and what the default says already is left out.
    const alternatives = profile(deny, {
      syscalls: [
        { names: ['read'], action: log, args: [when(0, 'EQ', 1n), when(0, 'EQ', 2n)] },
        { names: ['read', 'no_such_call'], action: deny, errnoRet: 1 },
      ],
    });
    for (const runtime of ['runc', 'crun'] as const) {
      const loaded = await libseccomp.load(alternatives, runtime);
      assert.ok('filter' in loaded);
      const read = (await libseccomp.table(native)).get('read') ?? -1;
      const results = [1n, 2n, 3n].map((first) =>
        evaluateLoaded(loaded, { architecture: native, number: read, args: [first] }),
      );
      assert.deepEqual(results, ['SCMP_ACT_LOG', 'SCMP_ACT_LOG', 'SCMP_ACT_ERRNO 1']);
      assert.equal(
        evaluateLoaded(loaded, { architecture: x32, number: read + 2 ** 30, args: [1n] }),
        'bad architecture',
      );
    }
  });

  it('takes a union to task where it is stricter and does not say so', async () => {
    const check = () => ({ libseccomp, runtime: 'runc', random: randomFrom(1) }) as const;
    const result = denied([when(0, 'EQ', 1n)]);
    const { faults } = await checkUnion([profile(), profile(deny)], { profile: result, inexact: [] }, check());
    assert.deepEqual([...new Set(faults.map(({ kind }) => kind))], ['stricter than written']);
    const reported = await checkUnion([profile(), profile(deny)], { profile: result, inexact: ['read'] }, check());
    assert.deepEqual(reported.faults, []);
  });
});
