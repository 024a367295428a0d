import assert from 'node:assert/strict';
import { FairleadError } from '#lib/errors';
import { importProfile } from '#lib/profile/import-profile';
import { readJson } from '#lib/profile/json/read-json';
import { lint } from '#lib/profile/lint';
import type { Profile } from '#lib/profile/profile';
import { readProfile } from '#lib/profile/read-profile';
import { renderProfile } from '#lib/profile/render-profile';
import { equalsSeccomp } from '#lib/profile/seccomp/diff';
import { effectiveAsWritten } from '#lib/profile/seccomp/effective-profile';
import { parseSeccomp } from '#lib/profile/seccomp/read/parse';
import { readPlainSeccomp } from '#lib/profile/seccomp/read/read-plain';
import { actions, architectures, flags, operators } from '#lib/profile/seccomp/tables/vocabulary';
import { minimize } from '#lib/profile/seccomp/write/minimize';
import { validateArtifact } from '#lib/profile/validate-artifact';
import { usualDefault } from '#test/support/runtime-default';
import { cornerCalls } from '../oracle/seccomp-arbitrary.ts';
import { evaluate, rank } from '../oracle/seccomp-evaluate.ts';
import { mutate, randomFrom } from './mutate.ts';
import { RetainedMemory } from './retained-memory.ts';

const native = 'SCMP_ARCH_X86_64';
const baseline = usualDefault({ architecture: 'amd64', capabilities: [] });
const host = { architecture: 'amd64', kernel: '6.1', capabilities: ['CAP_CHOWN'] } as const;

const rules = `[{"names":["read","socket"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":40,"op":"SCMP_CMP_NE"}]},
  {"names":["clone"],"action":"SCMP_ACT_ERRNO","errnoRet":38,"args":[{"index":0,"value":2114060288,"valueTwo":1,
  "op":"SCMP_CMP_MASKED_EQ"},{"index":1,"value":18446744073709551615,"op":"SCMP_CMP_LT"}]},
  {"names":["clone"],"action":"SCMP_ACT_TRAP","args":[{"index":1,"value":7,"op":"SCMP_CMP_GE"}]}]`;
const seeds = [
  `{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_X86"],"syscalls":${rules}}`,
  `{"defaultAction":"SCMP_ACT_ALLOW","defaultErrnoRet":1,"flags":["SECCOMP_FILTER_FLAG_LOG"],"syscalls":${rules}}`,
  `{"defaultAction":"SCMP_ACT_ERRNO","archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86"]}],
  "syscalls":[{"name":"read","action":"SCMP_ACT_ALLOW","includes":{"caps":["CAP_CHOWN"],"minKernel":"4.8"},"excludes":{}}]}`,
  `apiVersion: security-profiles-operator.x-k8s.io/v1\nkind: SeccompProfile\nmetadata: {name: a}\nspec:\n  defaultAction: SCMP_ACT_ERRNO\n  syscalls: ${rules.replaceAll('\n', '\n    ')}\n`,
];
const pieces = [
  ...[
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '\\',
    '\\u0000',
    '\\ud800',
    '-',
    '.',
    'e9',
    '0',
    '1',
    '4294967296',
    'null',
    'true',
  ],
  ...[
    '18446744073709551615',
    '18446744073709551616',
    '9223372036854775808',
    '"index":5',
    '"args":[]',
    '"names":["read"]',
  ],
  ...[...actions, ...operators, ...flags, ...architectures.keys()].map((word) => JSON.stringify(word)),
  ...['"includes":{"arches":["x86"]},', '"errno":"EPERM",', '\n', '\t', '\ufeff', '- ', '&a ', '*a', '|', '---\n'],
];

/**
 * Feeds mutated profiles of every format to the seccomp readers for some seconds: they refuse with
 * a FairleadError or accept, within a second, the quick reader never otherwise than the thorough
 * ones, and what they accept is rendered, minimized and intersected without becoming laxer.
 *
 * @param report gets lines for people: the seed, and how many inputs there were.
 * @throws AssertionError with the input that broke a promise.
 */
export function fuzz(seconds: number, report: (line: string) => void = () => {}, seed = Date.now() % 2 ** 32): void {
  const random = randomFrom(seed);
  const end = performance.now() + seconds * 1_000;
  const memory = new RetainedMemory(seconds);
  let inputs = 0;
  let accepted = 0;
  for (; performance.now() < end; inputs += 1) {
    memory.beforeInput();
    const text = mutate(seeds[random(seeds.length)] ?? '', pieces, random);
    const start = performance.now();
    try {
      checkPlain(new TextEncoder().encode(text));
      const profile = imported(text);
      if (profile !== undefined) {
        accepted += 1;
        check(profile, () => random(2 ** 31) / 2 ** 31);
      }
    } catch (cause) {
      const message = `seed ${seed}: ${JSON.stringify(text.slice(0, 5_000))}: ${String(cause)}`;
      throw new assert.AssertionError({ message });
    }
    const took = performance.now() - start;
    assert.ok(took < 1_000, `seed ${seed}: ${took.toFixed()} ms for ${JSON.stringify(text.slice(0, 5_000))}`);
  }
  report(`seccomp: seed ${seed}, ${inputs} inputs, ${accepted} accepted, ${memory.check(seed).toFixed(1)} MiB stayed`);
}

function imported(text: string): Profile | undefined {
  const read = () => importProfile(new TextEncoder().encode(text), 'fuzz', { host });
  // A mutation can divide a text into several documents.
  return orRefused(read, ['ProfileInvalid', 'LimitExceeded', 'InvalidInput']);
}

function orRefused<Result>(read: () => Result, kinds = ['ProfileInvalid', 'LimitExceeded']): Result | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof FairleadError && kinds.includes(error.kind)) return undefined;
    throw error;
  }
}

/** The quick reader makes of a text what the thorough ones do, or leaves it to them. */
function checkPlain(bytes: Uint8Array): void {
  const limits = { bytes: 1_000_000, depth: 16, values: 100_000 };
  const profile = readPlainSeccomp(bytes, limits);
  if (profile === undefined) return;
  assert.deepEqual({ profile, unknownFields: [] }, parseSeccomp(readJson(bytes, 'fuzz', limits)));
}

function check(profile: Profile, random: () => number): void {
  lint(profile);
  if (profile.kind !== 'Seccomp') return;
  orRefused(() => validateArtifact(profile, { entriesPerSyscall: 128 }));
  const { seccomp } = profile;
  assert.deepEqual(readProfile(renderProfile(profile)), { kind: 'Seccomp', seccomp });
  const { profile: effective } = effectiveAsWritten({ baseline, artifact: seccomp }, native);
  const names = [
    'read',
    'socket',
    'clone',
    'mount',
    ...(seccomp.syscalls ?? []).flatMap((rule) => rule.names).slice(0, 4),
  ];
  for (const call of cornerCalls([seccomp], names, [native, 'SCMP_ARCH_X86'], 20, random)) {
    const wanted = Math.max(rank(evaluate(baseline, call)), rank(evaluate(seccomp, call)));
    assert.ok(rank(evaluate(effective, call)) >= wanted, `looser at ${call.syscall}(${String(call.args)})`);
  }
  assert.ok(equalsSeccomp(minimize(seccomp, native), seccomp, native), 'minimize changed the meaning');
}
