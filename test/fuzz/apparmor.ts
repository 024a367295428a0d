import { FairleadError } from '#lib/errors';
import { parseAppArmor } from '#lib/profile/apparmor/parse';
import { renderAppArmorJson } from '#lib/profile/apparmor/render-json';
import { renderAppArmorPolicy } from '#lib/profile/apparmor/render-policy';
import { readJson } from '#lib/profile/json/read-json';

const seeds = [
  '{"executable":{"allowedExecutables":["/usr/bin/*"],"allowedLibraries":["/lib/**.so.[0-9]"]}}',
  '{"filesystem":{"readOnlyPaths":["@{PROC}/@{pid}/maps"],"writeOnlyPaths":["/a{b,{c,}}"],"readWritePaths":[]}}',
  '{"network":{"allowRaw":false,"allowedProtocols":{"allowTcp":true}},"capability":{"allowedCapabilities":["CHOWN"]}}',
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
 * Mutates profiles and reads them for so many seconds. What is accepted must render to a policy in which every line is
 * one that was meant, and be read back from JSON as it was.
 *
 * @returns how many inputs were tried and how many were accepted.
 * @throws Error with the input that was handled wrongly.
 */
export function fuzz(seconds: number): { tried: number; accepted: number } {
  const end = performance.now() + seconds * 1000;
  let tried = 0;
  let accepted = 0;
  while (performance.now() < end) {
    const text = mutate(pick(seeds));
    tried += 1;
    const started = performance.now();
    try {
      if (survives(text)) accepted += 1;
    } catch (cause) {
      throw new Error(`handled wrongly: ${JSON.stringify(text)}`, { cause });
    }
    if (performance.now() - started > 5000) throw new Error(`took too long: ${JSON.stringify(text)}`);
  }
  return { tried, accepted };
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
  if (profile.mode === 'Enforce' && JSON.stringify(read(renderAppArmorJson(profile))) !== JSON.stringify(profile)) {
    throw new Error('not read back as it was');
  }
  return true;
}

/** Lines of a policy: comments and rules of the template, and paths in quotes that hold no quote. */
const meant =
  /^(?:|#.*|\}|include if exists <[a-z/]+>|profile "fuzz" flags=\([a-z_,]+\) \{| {2}(?:# [A-Z].*|include if exists <abstractions\/base>|(?:capability|network)(?: [a-z_]+)?,|file,|umount,|deny mount,|(?:signal|ptrace) \([a-z, ]+\) peer="[a-z]+",|(?:deny )?"\/(?:[^"\\]|\\[*?[\]{}^,])*" [rwlkmix]+,))$/;

function mutate(seed: string): string {
  let text = seed;
  for (let count = 1 + Math.floor(Math.random() * 4); count > 0; count--) {
    const at = Math.floor(Math.random() * text.length);
    const choice = Math.random();
    if (choice < 0.5) text = text.slice(0, at) + pick(pieces) + text.slice(at);
    else if (choice < 0.7) text = text.slice(0, at) + text.slice(at + 1 + Math.floor(Math.random() * 6));
    else if (choice < 0.85) text = text.slice(0, at) + String.fromCharCode(Math.random() * 256) + text.slice(at + 1);
    else
      text =
        text.slice(0, at) +
        text.slice(Math.floor(Math.random() * at), at).repeat(1 + Math.random() * 8) +
        text.slice(at);
  }
  return text;
}

function pick<T>(list: readonly T[]): T {
  const item = list[Math.floor(Math.random() * list.length)];
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
}
