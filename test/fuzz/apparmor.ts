import { isDeepStrictEqual } from 'node:util';
import { FairleadError } from '#lib/errors';
import { parseAppArmor } from '#lib/profile/apparmor/parse';
import { renderAppArmorJson } from '#lib/profile/apparmor/render-json';
import { renderAppArmorPolicy } from '#lib/profile/apparmor/render-policy';
import { strayLine } from '#lib/profile/apparmor/rendered-policy';
import { readJson } from '#lib/profile/json/read-json';
import { mutate, randomFrom } from './mutate.ts';
import { RetainedMemory } from './retained-memory.ts';

const seeds = [
  '{"executable":{"allowedExecutables":["/usr/bin/*"],"allowedLibraries":["/lib/**.so.[0-9]"]}}',
  '{"filesystem":{"readOnlyPaths":["@{PROC}/@{pid}/maps"],"writeOnlyPaths":["/a{b,{c,}}"],"readWritePaths":[]}}',
  '{"network":{"allowRaw":false,"allowedProtocols":{"allowTcp":true}},"capability":{"allowedCapabilities":["CHOWN","bpf"]}}',
  '{"apiVersion":"security-profiles-operator.x-k8s.io/v1","kind":"AppArmorProfile","spec":{"abstract":{"network":{}}}}',
];
const pieces = [
  '"',
  '\\"',
  '\\\\',
  '\\n',
  '*',
  '**',
  '?',
  '[',
  ']',
  '[^',
  '{',
  '}',
  ',',
  '@{',
  '/',
  '//',
  '..',
  '#',
  '}\\n',
  'null',
  '\u202e',
  '\\u0000',
];
const limits = { bytes: 1 << 16, depth: 16, values: 4096 };

/**
 * Mutates profiles and reads them for some seconds. What is accepted must render to a policy in
 * which every line is one that was meant, and be read back from JSON as it was.
 *
 * @param report gets lines for people: the seed, and how many inputs there were.
 * @throws Error with the input that was handled wrongly.
 */
export function fuzz(seconds: number, report: (line: string) => void = () => {}, seed = Date.now() % 2 ** 32): void {
  const random = randomFrom(seed);
  const end = performance.now() + seconds * 1000;
  const memory = new RetainedMemory(seconds);
  let tried = 0;
  let accepted = 0;
  for (; performance.now() < end; tried += 1) {
    memory.beforeInput();
    const text = mutate(seeds[random(seeds.length)] ?? '', pieces, random);
    const started = performance.now();
    try {
      if (survives(text)) accepted += 1;
    } catch (cause) {
      throw new Error(`seed ${seed}: handled wrongly: ${JSON.stringify(text)}`, { cause });
    }
    if (performance.now() - started > 5000) throw new Error(`seed ${seed}: took too long: ${JSON.stringify(text)}`);
  }
  report(`apparmor: seed ${seed}, ${tried} inputs, ${accepted} accepted, ${memory.check(seed).toFixed(1)} MiB stayed`);
}

function survives(text: string): boolean {
  const read = (json: string) => parseAppArmor(readJson(new TextEncoder().encode(json), 'fuzz', limits)).profile;
  let profile: ReturnType<typeof read>;
  try {
    profile = read(text);
  } catch (error) {
    if (error instanceof FairleadError && ['ProfileInvalid', 'LimitExceeded'].includes(error.kind)) return false;
    throw error;
  }
  const policy = renderAppArmorPolicy(profile, { name: 'fuzz' });
  const stray = policy.split('\n').find((line) => !meant.test(line));
  if (stray !== undefined) throw new Error(`a line that was not meant: ${stray}`);
  const refused = strayLine(policy, 'fuzz');
  if (refused !== undefined) throw new Error(`nodes refuse its line ${refused}: ${policy.split('\n')[refused - 1]}`);
  if (profile.mode === 'Enforce' && !isDeepStrictEqual(read(renderAppArmorJson(profile)), profile)) {
    throw new Error('not read back as it was');
  }
  return true;
}

/**
 * Lines of a policy: comments and rules of the template, and paths in quotes that hold no quote.
 */
const meant =
  /^(?:|#.*|\}|include if exists <[a-z/]+>|profile "fuzz" flags=\([a-z_,]+\) \{| {2}(?:# [A-Z].*|include if exists <abstractions\/base>|(?:capability|network)(?: [a-z_]+)?,|deny capability sys_admin,|file,|umount,|deny mount,|(?:signal|ptrace) \([a-z, ]+\) peer="[a-z/*{},]+",|(?:deny )?"\/(?:[^"\\]|\\[*?[\]{}^,])*" [rwlkmix]+,))$/;
