import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, before, it } from 'node:test';
import fc from 'fast-check';
import { seccompOf } from '#lib/profile/profile';
import { readProfile } from '#lib/profile/read-profile';
import { intersect } from '#lib/profile/seccomp/intersect';
import { intArguments } from '#lib/profile/seccomp/libseccomp/int-arguments';
import type { SeccompProfile, SeccompRule } from '#lib/profile/seccomp/model';
import { runtimeDefault } from '#lib/profile/seccomp/runtime-default';
import { loadTables } from '#lib/profile/seccomp/tables/runtime-defaults/load-tables';
import { defaultCapabilities, runtimeNames } from '#lib/profile/seccomp/tables/runtime-identity';
import { narrowComparisons } from '#lib/profile/seccomp/write/narrow-comparisons';
import { SecurityProfile_ProfileType } from '../../../lib/cri/gen/cri_pb.js';
import { randomFrom } from '../../fuzz/mutate.ts';
import { checkIntersection, tablesFor } from '../../oracle/check-merge.ts';
import { evaluateLoaded, Libseccomp, type LibseccompVersion, nativeArchitecture } from '../../oracle/load-profile.ts';
import { evaluate, possibleResults, rank } from '../../oracle/seccomp-evaluate.ts';
import { machinePair, profilePair } from '../../oracle/seccomp-pairs.ts';
import { samplePoints } from '../../oracle/seccomp-points.ts';
import { containerdRequirements, startContainerd } from '../../peers/containerd.ts';
import { temporaryFolder } from '../../peers/program.ts';
import { describePeers } from '../../peers/require.ts';
import { connectCri } from '../../support/cri/client.ts';
import { runPod } from '../../support/cri/pod.ts';
import { ProbeContainer } from '../../support/kernel/run-probe.ts';
import { triesAll } from '../../support/some-of.ts';

const native = 'SCMP_ARCH_X86_64';
const upper = 2n ** 32n;
/** The kernel takes 4096 instructions, of which some are left to runc. */
const limit = 4096 - 128;
/**
 * The number of profiles that are narrowed for each version of libseccomp: with this seed, and with
 * one of the day.
 */
const profiles = triesAll ? 400 : 60;
/** The number of pairs that are narrowed and merged. */
const pairs = triesAll ? 200 : 30;
const fixedSeed = 20_263;

/** Returns what a runtime applies to a container, as it is and narrowed. */
async function defaults(
  capabilities?: readonly string[],
): Promise<readonly { readonly source: string; readonly given: SeccompProfile; readonly narrow: SeccompProfile }[]> {
  const tables = await Promise.all(
    runtimeNames.map(async (name) =>
      (await loadTables(name)).map((table) => ({ table, granted: capabilities ?? defaultCapabilities(name) })),
    ),
  );
  return tables.flat().map(({ table, granted }) => {
    const given = runtimeDefault([table], { architecture: 'amd64', kernel: '6.1', capabilities: granted });
    return { source: table.source, given, narrow: narrowComparisons(given, native).profile };
  });
}

describePeers(['cc', 'seccomp.h', 'libseccomp-2.6'], 'narrowed comparisons as libseccomp loads them', () => {
  const directories: string[] = [];
  let libseccomps: Readonly<Record<LibseccompVersion, Libseccomp>>;
  before(() => {
    const start = (version: LibseccompVersion) => {
      const directory = temporaryFolder('narrow');
      directories.push(directory);
      return Libseccomp.start(directory, version);
    };
    libseccomps = { '2.5': start('2.5'), '2.6': start('2.6') };
  });
  after(async () => {
    for (const libseccomp of Object.values(libseccomps)) await libseccomp.stop();
    for (const directory of directories) rmSync(directory, { recursive: true });
  });

  for (const capabilities of [undefined, ['ALL']]) {
    it(`close every default profile, and fit into the kernel: ${capabilities?.join() ?? 'the usual capabilities'}`, async (context) => {
      let largest = 0;
      for (const { source, given, narrow } of await defaults(capabilities)) {
        for (const libseccomp of Object.values(libseccomps)) {
          for (const runtime of ['runc', 'crun'] as const) {
            const [before, after] = await Promise.all([given, narrow].map((each) => libseccomp.load(each, runtime)));
            assert.ok(before && !('error' in before) && after && !('error' in after), source);
            largest = Math.max(largest, after.filter.codes.length);
            const number = (await libseccomp.table(native)).get('socket') ?? -1;
            const socket = (loaded: typeof before, family: bigint, protocol: bigint) =>
              evaluateLoaded(loaded, { architecture: native, number, args: [family, 1n, protocol, 0n, 0n, 0n] });
            for (const family of [0n, 1n, 2n, 16n, 37n, 38n, 39n, 40n, 41n, 2n ** 31n, upper - 1n]) {
              for (const protocol of [0n, 8n, 9n, 10n]) {
                const meant = evaluate(given, {
                  architecture: native,
                  syscall: 'socket',
                  args: [family, 1n, protocol],
                });
                for (const bits of [0n, upper, 2n ** 63n, 2n ** 64n - upper]) {
                  const call = [family | bits, protocol | bits] as const;
                  assert.equal(socket(after, ...call), meant, `${source}: ${call} by ${runtime}`);
                }
              }
            }
          }
        }
      }
      context.diagnostic(`the largest filter has ${largest} instructions`);
      assert.ok(largest <= limit, `${largest} instructions`);
    });
  }

  for (const seed of [fixedSeed, Date.now() % 2 ** 31]) {
    it(`let no upper bits through in a merge${seed === fixedSeed ? '' : ', anew each time'}`, async (context) => {
      let withUpperBits = 0;
      const property = fc.asyncProperty(
        machinePair,
        fc.constantFrom<LibseccompVersion>('2.5', '2.6'),
        fc.noShrink(fc.nat()),
        async ({ native, pair }, version, by) => {
          const [one, other] = pair;
          const narrowed = [one, other].map((each) => narrowComparisons(each, native).profile);
          const { profile } = intersect(narrowed, native);
          const loaded = await libseccomps[version].load(profile, 'runc', native);
          assert.ok('filter' in loaded, JSON.stringify(loaded));
          const sampled = [profile, one, other];
          const tables = await tablesFor(sampled, libseccomps[version], native);
          for (const point of samplePoints(sampled, tables, randomFrom(by), native)) {
            const ints = intArguments(point.syscall, [point.architecture]);
            const args = point.args.map((value, at) => (ints.includes(at) ? BigInt.asUintN(32, value) : value));
            if (args.some((value, at) => value !== point.args[at])) withUpperBits += 1;
            const got = evaluateLoaded(loaded, point);
            for (const input of pair) {
              const meant = possibleResults(input, { ...point, args }, native);
              const text = `${point.syscall}(${point.args}) of ${point.architecture}: ${got}, not ${meant}`;
              assert.ok(rank(got) >= Math.min(...meant.map(rank)), text);
            }
          }
        },
      );
      await fc.assert(property, { numRuns: pairs, seed, interruptAfterTimeLimit: 60_000 });
      context.diagnostic(`seed ${seed}: ${withUpperBits} calls with upper bits`);
      assert.ok(withUpperBits > 10 * pairs, `${withUpperBits}`);
    });

    it(`are never laxer than before${seed === fixedSeed ? '' : ', anew each time'}`, async (context) => {
      context.diagnostic(`seed ${seed}`);
      let narrowed = 0;
      const versions = fc.constantFrom<LibseccompVersion>('2.5', '2.6');
      const runtimes = fc.constantFrom('runc' as const, 'crun' as const);
      const property = fc.asyncProperty(
        profilePair,
        versions,
        runtimes,
        fc.noShrink(fc.nat()),
        async (pair, version, runtime, by) => {
          // In shapes that libseccomp loads as they are written.
          const given = intersect([pair[0]], nativeArchitecture).profile;
          const result = narrowComparisons(given, nativeArchitecture);
          narrowed += result.narrowed.length;
          const check = { libseccomp: libseccomps[version], runtime, random: randomFrom(by) };
          const { faults } = await checkIntersection([given], result.profile, check);
          assert.deepEqual(faults, []);
        },
      );
      await fc.assert(property, { numRuns: profiles, seed });
      context.diagnostic(`${narrowed} syscalls narrowed`);
      assert.ok(narrowed > profiles / 20, `${narrowed}`);
    });
  }
});

describePeers(['runc', 'cc', 'root'], 'narrowed comparisons in the kernel', () => {
  let directory: string;
  let container: ProbeContainer;
  before(() => {
    directory = temporaryFolder('narrow');
    container = new ProbeContainer(directory);
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  /** What calls of a 64-bit program return under a profile; kernel-32-bit.test.ts has others. */
  const results = (profile: SeccompProfile, calls: readonly (readonly [syscall: string, ...args: bigint[]])[]) => {
    const given = calls.map(([syscall, ...args]) => ({ architecture: native, syscall, args }));
    const got = container.run(profile, given, 20_000);
    assert.ok(got);
    return got.map((result) => (typeof result === 'object' ? result.value : NaN));
  };
  const eperm = -1;

  for (const [name, version, denied] of [
    ['containerd', '2.1.0', 40n],
    ['containerd', '2.2.4', 38n],
    ['cri-o', '1.35.1', 40n],
  ] as const) {
    it(`keep a socket of family ${denied} from who sets an upper bit: ${name} ${version}`, async () => {
      const table = (await loadTables(name)).find(({ versions }) => versions[0]?.[0] === version);
      assert.ok(table);
      const given = runtimeDefault([table], { architecture: 'amd64', kernel: '6.1', capabilities: [] });
      const calls = [2n, denied, upper + denied, 2n ** 63n + denied, upper + 2n].map(
        (family) => ['socket', family, 1n, 0n] as const,
      );
      const [before, after] = [given, narrowComparisons(given, native).profile].map((each) => results(each, calls));
      assert.ok(before && after);
      const [inet, plain, ...evading] = before;
      assert.ok(inet !== undefined && inet >= 0, 'no socket of family 2');
      assert.equal(plain, eperm);
      for (const result of evading) assert.notEqual(result, eperm, 'the upper bits let nothing through');
      const [inetAfter = -1, ...others] = after;
      assert.ok(inetAfter >= 0);
      assert.deepEqual(others.slice(0, 3), [eperm, eperm, eperm]);
      assert.ok((others[3] ?? -1) >= 0, 'upper bits by themselves are no reason to deny');
    });
  }

  it('change nothing for personality and clone, whose upper bits let nothing through', async () => {
    for (const { source, given, narrow } of await defaults([])) {
      if (!/v2\.1\.0|1\.35\.1/.test(source)) continue;
      const user = 0x1000_0000n;
      const fs = 0x200n;
      const calls = [
        ['personality', 8n],
        ['personality', upper + 8n],
        // Invalid flags, so that no process comes of it if they are let through.
        ['clone', user | fs],
        ['clone', upper | user | fs],
      ] as const;
      for (const profile of [given, narrow]) {
        const [plain = -1, wider = 0, ...cloned] = results(profile, calls);
        assert.ok(plain >= 0 && wider < 0, source);
        assert.deepEqual(cloned, [eperm, eperm], source);
      }
    }
  });

  it('hold for every argument of a rule that denies', async () => {
    const [usual] = (await defaults([])).filter(({ source }) => source.includes('v2.1.0'));
    assert.ok(usual);
    const rules = (usual.given.syscalls ?? []).map(
      (rule): SeccompRule => ({
        ...rule,
        names: rule.names.filter((each) => each !== 'socketpair'),
      }),
    );
    const pair: SeccompRule = {
      names: ['socketpair'],
      action: 'SCMP_ACT_ALLOW',
      args: [
        { index: 0, op: 'SCMP_CMP_EQ', value: 1n },
        { index: 1, op: 'SCMP_CMP_NE', value: 2n },
      ],
    };
    const given = { ...usual.given, syscalls: [...rules, pair] };
    const calls = [1n, 2n, upper + 2n, upper + 1n].map((type) => ['socketpair', 1n, type, 0n, 0n] as const);
    const [before, after] = [given, narrowComparisons(given, native).profile].map((each) => results(each, calls));
    // Nowhere to write to.
    const efault = -14;
    assert.deepEqual(before, [efault, eperm, efault, efault]);
    assert.deepEqual(after, [efault, eperm, eperm, efault]);
  });
});

for (const version of ['2', '1.6'] as const) {
  const requirements =
    version === '2' ? containerdRequirements : ([...containerdRequirements, 'containerd-1.6', 'ctr-1.6'] as const);
  describePeers(requirements, `narrowed comparisons and the default of containerd ${version}`, () => {
    it('are never laxer, and stricter only where an upper bit is set', async () => {
      const containerd = await startContainerd({ version });
      const client = connectCri(containerd.socket);
      try {
        const pod = await runPod(client, { seccomp: { profileType: SecurityProfile_ProfileType.RuntimeDefault } });
        const { info } = await client.containerStatus({ containerId: pod.containerId, verbose: true });
        await pod.remove();
        const { runtimeSpec } = JSON.parse(info['info'] ?? '{}') as { runtimeSpec: { linux: { seccomp: object } } };
        const text = new TextEncoder().encode(JSON.stringify(runtimeSpec.linux.seccomp));
        const real = seccompOf(readProfile(text));
        const { profile, narrowed } = narrowComparisons(real, native);
        assert.deepEqual(narrowed, version === '2' ? [{ name: 'socket', exact: true }] : []);
        const stricter = new Set<string>();
        const values = [0n, 8n, 38n, 39n, 40n, 41n, 0x2_0008n, 0x7e02_0000n, upper - 1n];
        for (const syscall of new Set((real.syscalls ?? []).flatMap(({ names }) => names))) {
          for (const value of values) {
            for (const bits of [0n, upper, 2n ** 63n, 2n ** 64n - upper]) {
              const call = { architecture: native, syscall, args: [value | bits, value | bits, value | bits] };
              const [mine, theirs] = [evaluate(profile, call), evaluate(real, call)];
              assert.ok(rank(mine) >= rank(theirs), `${syscall}(${value | bits})`);
              if (mine === theirs) continue;
              assert.notEqual(bits, 0n, `${syscall}(${value}): ${mine}, not ${theirs}`);
              stricter.add(`${syscall} ${value}`);
            }
          }
        }
        assert.deepEqual([...stricter], version === '2' ? ['socket 40'] : []);
      } finally {
        client.close();
        await containerd.stop();
      }
    });
  });
}
