import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { effectiveAsWritten } from '#lib/profile/seccomp/effective-profile';
import { runtimeDefault } from '#lib/profile/seccomp/runtime-default';
import { architectureFamily, machineArchitecture, nativeArchitecture } from '#lib/profile/seccomp/tables/architecture';
import { loadTables } from '#lib/profile/seccomp/tables/runtime-defaults/load-tables';
import type { RuntimeDefaultRule, RuntimeDefaultTable } from '#lib/profile/seccomp/tables/runtime-defaults/table';
import { defaultCapabilities, runtimeNames } from '#lib/profile/seccomp/tables/runtime-identity';
import { evaluateLoaded, Libseccomp, type Runtime } from '../../oracle/load-profile.ts';
import { evaluate, rank } from '../../oracle/seccomp-evaluate.ts';
import { describePeers } from '../../peers/require.ts';

const architecture = machineArchitecture(process.arch);
const architectures = architectureFamily(architecture);
const kernel = '6.1.0';

/** Values at which conditions change their mind, and the first of them beyond 32 bits. */
const values = [
  0n,
  1n,
  2n,
  8n,
  9n,
  10n,
  16n,
  37n,
  38n,
  39n,
  40n,
  41n,
  0x11n,
  0x2_0000n,
  0x2_0008n,
  0x200_0000n,
  0x400_0000n,
];
const more = [
  0x800_0000n,
  0x1000_0000n,
  0x2000_0000n,
  0x4000_0000n,
  0x7e02_0000n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 64n - 1n,
];

/**
 * CRI-O compares the flags of clone in seven conditions of one rule, of which crun reads six: for
 * CLONE_NEWCGROUP it leaves the default, ENOSYS.
 */
const newCgroup = 0x200_0000n;

describePeers(['cc', 'seccomp.h'], 'the default profiles as libseccomp loads them', () => {
  let directory: string;
  let libseccomp: Libseccomp;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'fairlead-runtime-default-'));
    libseccomp = Libseccomp.start(directory);
  });
  after(async () => {
    await libseccomp.stop();
    rmSync(directory, { recursive: true });
  });

  for (const name of runtimeNames) {
    for (const capabilities of [defaultCapabilities(name), [], ['CAP_SYS_ADMIN', 'CAP_PERFMON'], ['ALL']]) {
      const called = capabilities.length > 2 ? 'what it gives by itself' : capabilities.join(', ') || 'none';
      it(`of ${name} mean what is resolved, also under an artifact that permits all, with the capabilities ${called}`, async () => {
        for (const table of await loadTables(name)) {
          for (const runtime of ['runc', 'crun'] as const) {
            assert.deepEqual(await differences(libseccomp, table, capabilities, runtime), [], table.source);
          }
        }
      });
    }
  }
});

/**
 * Returns the calls that are treated otherwise than by the table's rules as the OCI runtime hands
 * them to libseccomp: by the resolved profile as it is written, or by what is applied under an
 * artifact that permits everything.
 */
async function differences(
  libseccomp: Libseccomp,
  table: RuntimeDefaultTable,
  capabilities: readonly string[],
  runtime: Runtime,
): Promise<readonly string[]> {
  const { defaultAction, defaultErrnoRet } = table;
  const syscalls = table.rules.filter((rule) => applies(rule, capabilities));
  const loaded = await libseccomp.load({ defaultAction, defaultErrnoRet, architectures, syscalls }, runtime);
  if ('error' in loaded) return [`does not load: ${loaded.error}`];
  const ours = runtimeDefault([table], { architecture, kernel, capabilities });
  const permissive = { defaultAction: 'SCMP_ACT_ALLOW', architectures } as const;
  const effective = effectiveAsWritten({ baseline: ours, artifact: permissive }, nativeArchitecture(architecture));
  const applied = await libseccomp.load(effective.profile, runtime);
  if ('error' in applied) return [`does not load under a permissive artifact: ${applied.error}`];
  const found: string[] = [];
  for (const name of architectures) {
    const numbers = await libseccomp.table(name);
    for (const syscall of new Set([...table.rules.flatMap(({ names }) => names), 'mseal', 'swapoff'])) {
      const number = numbers.get(syscall) ?? -1;
      if (number < 0) continue;
      const isConditional = syscalls.some(({ names, args }) => args !== undefined && names.includes(syscall));
      for (const args of isConditional ? sampledArguments(syscall) : [[0n, 0n, 0n, 0n, 0n, 0n]]) {
        const real = evaluateLoaded(loaded, { architecture: name, number, args });
        const mine = evaluate(ours, { architecture: name, syscall, args });
        const under = evaluateLoaded(applied, { architecture: name, number, args });
        const isLooser = rank(under) < rank(real);
        const isStricter = rank(under) > rank(real) && args.every((value) => value < 2n ** 32n);
        if (isLooser || isStricter) {
          found.push(
            `${name} ${syscall}(${args.map((value) => `0x${value.toString(16)}`)}): applied ${under}, loaded ${real}`,
          );
        }
        const isLostFlag = runtime === 'crun' && syscall === 'clone' && ((args[0] ?? 0n) & newCgroup) !== 0n;
        if (mine === real || (isLostFlag && rank(mine) === rank(real))) continue;
        found.push(
          `${name} ${syscall}(${args.map((value) => `0x${value.toString(16)}`)}): ours ${mine}, loaded ${real}`,
        );
      }
    }
  }
  return found;
}

/**
 * Reports whether a rule holds on this machine, where the kernel is new, written apart from
 * runtimeDefault.
 */
function applies({ when = {} }: RuntimeDefaultRule, capabilities: readonly string[]): boolean {
  const has = (name: string) => capabilities.includes('ALL') || capabilities.includes(name);
  if (when.arch !== undefined && !when.arch.includes(architecture)) return false;
  if (when.notArch?.includes(architecture)) return false;
  return (when.allCaps ?? []).every(has) && !(when.noneOfCaps ?? []).some(has);
}

function sampledArguments(syscall: string): readonly bigint[][] {
  const protocols = syscall === 'socket' ? [0n, 9n, 2n ** 32n + 9n] : [0n];
  return [...values, ...more].flatMap((first) => protocols.map((third) => [first, first, third, 0n, 0n, 0n]));
}
