import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { FairleadError } from '#lib/errors';
import { convertForms, convertProfile } from '#lib/profile/convert-profile';
import { diffProfiles } from '#lib/profile/diff-profiles';
import { importProfile } from '#lib/profile/import-profile';
import { lint } from '#lib/profile/lint';
import type { Profile } from '#lib/profile/profile';
import { readProfile } from '#lib/profile/read-profile';
import { mutate, type Random, randomFrom } from './mutate.ts';
import { RetainedMemory } from './retained-memory.ts';

const native = 'SCMP_ARCH_X86_64';
const host = { architecture: 'amd64', kernel: '6.1', capabilities: [] } as const;
const examples = new URL('../../examples/', import.meta.url);

/** What means something in more than one format. */
const pieces = [
  ...['{', '}', '[', ']', ',', ':', '"', "'", '\\', '\\u0000', '\\ud800', '\n', '\r\n', '\t', ' ', '\0', '\ufeff'],
  ...['- ', '&a ', '*a', '!!binary ', '<<: ', '|\n', '>-\n', '---\n', '...\n', '? ', '# ', '%YAML 1.1\n', '~', 'null'],
  ...['0', '-1', '1e999', '0x10', '0o7', '18446744073709551616', 'true', 'yes', 'kind: ', 'apiVersion: ', 'metadata: '],
  ...[
    '"kind":"SeccompProfile",',
    '"kind":"AppArmorProfile",',
    '"kind":"SelinuxProfile",',
    '"kind":"RawSelinuxProfile",',
  ],
  ...['"archMap":[],', '"defaultAction":"SCMP_ACT_LOG",', '"filesystem":{},', '"spec":{', '"abstract":{', '"policy":"'],
];

/**
 * Feeds mutated examples, and their forms in every other format, to the readers of all kinds for
 * some seconds: whatever comes in, bytes that are no text too, they accept or refuse it with a
 * FairleadError within a second; and what they accept can be linted, compared with itself and
 * written in every form, or is refused in the same way.
 *
 * @param report gets lines for people: the seed, and how many inputs there were.
 * @throws AssertionError with the input that broke a promise.
 */
export function fuzz(seconds: number, report: (line: string) => void = () => {}, seed = Date.now() % 2 ** 32): void {
  const random = randomFrom(seed);
  const seeds = everyForm();
  const end = performance.now() + seconds * 1_000;
  const memory = new RetainedMemory(seconds);
  let inputs = 0;
  let accepted = 0;
  for (; performance.now() < end; inputs += 1) {
    memory.beforeInput();
    const bytes = damaged(Buffer.from(mutate(seeds[random(seeds.length)] ?? '', pieces, random)), random);
    const start = performance.now();
    try {
      orRefused(() => readProfile(bytes, 'fuzz', random(2) === 0 ? 'AppArmor' : 'Seccomp'));
      const profile = orRefused(() => importProfile(bytes, 'fuzz', { host }));
      // What services and nodes read, commands read alike.
      const strict = orRefused(() => readProfile(bytes, 'fuzz'));
      if (strict !== undefined) assert.deepEqual(profile, strict);
      if (profile !== undefined) {
        accepted += 1;
        if (random(8) === 0) use(profile);
      }
    } catch (cause) {
      throw new assert.AssertionError({ message: `seed ${seed}: ${shown(bytes)}: ${String(cause)}` });
    }
    const took = performance.now() - start;
    assert.ok(took < 1_000, `seed ${seed}: ${took.toFixed()} ms for ${shown(bytes)}`);
  }
  report(`readers: seed ${seed}, ${inputs} inputs, ${accepted} accepted, ${memory.check(seed).toFixed(1)} MiB stayed`);
}

/** Returns the examples as they are, and in every form that each can be written in. */
function everyForm(): readonly string[] {
  return readdirSync(examples)
    .filter((name) => /\.(?:json|yaml)$/.test(name))
    .flatMap((name) => {
      const bytes = readFileSync(new URL(name, examples));
      const profile = importProfile(bytes, name);
      const others = convertForms.map((form) => orRefused(() => convertProfile(profile, form, 'fuzz')));
      return [bytes.toString(), ...others.filter((text) => text !== undefined)];
    });
}

/** Some inputs lose their encoding or their end. */
function damaged(bytes: Buffer, random: Random): Buffer {
  if (random(4) === 0) bytes[random(bytes.length)] = random(256);
  return random(16) === 0 ? bytes.subarray(0, random(bytes.length + 1)) : bytes;
}

function use(profile: Profile): void {
  lint(profile);
  assert.deepEqual(diffProfiles(profile, profile, native).changes, []);
  for (const form of convertForms) orRefused(() => convertProfile(profile, form, 'fuzz'));
}

function orRefused<Result>(read: () => Result): Result | undefined {
  try {
    return read();
  } catch (error) {
    const refusals = ['ProfileInvalid', 'LimitExceeded', 'InvalidInput'];
    if (error instanceof FairleadError && refusals.includes(error.kind)) return undefined;
    throw error;
  }
}

function shown(bytes: Buffer): string {
  return bytes.toString('base64').slice(0, 20_000);
}
