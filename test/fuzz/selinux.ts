import assert from 'node:assert/strict';
import { FairleadError } from '#lib/errors';
import { cilTree } from '#lib/profile/selinux/cil-tree';
import { lintSelinux } from '#lib/profile/selinux/lint';
import type { RawSelinuxProfile, SelinuxProfile } from '#lib/profile/selinux/model';
import { parseRawSelinux, parseSelinux } from '#lib/profile/selinux/parse';
import { parsePolicy } from '#lib/profile/selinux/parse-policy';
import { renderCil } from '#lib/profile/selinux/render-cil';
import { validateSelinux } from '#lib/profile/selinux/validate';
import { readYaml } from '#lib/profile/yaml/read-yaml';
import { mutate, randomFrom } from './mutate.ts';
import { RetainedMemory } from './retained-memory.ts';

const policies = [
  '(blockinherit container)\n(allow process var_log_t (file (read write)))\n; a note\n(allow process self (process (fork)))\n',
  '(blockinherit container)(type own_a)(typeattributeset file_type (own_a))(roletype object_r own_a)(dontaudit process own_a (dir (read)))',
  '; (\n)\n(allow init_t shadow_t (file (write)))\n(typeattributeset file_type (init_t) ;)\n',
  '(blockinherit net_container)\r\n(in container (allow process shadow_t (file (all))))\r\n',
];
const profiles = [
  'apiVersion: security-profiles-operator.x-k8s.io/v1\nkind: SelinuxProfile\nmetadata: {name: app}\nspec:\n  inherit: [{name: container}]\n  allow:\n    var_log_t:\n      file: [read, write]\n    "@self": {process: [fork]}\n',
  '{"apiVersion":"security-profiles-operator.x-k8s.io/v1alpha2","kind":"SelinuxProfile","metadata":{"name":"app"},"spec":{"permissive":true,"allow":{"a_t":{"dir":["search"]}}}}',
  'apiVersion: security-profiles-operator.x-k8s.io/v1\nkind: RawSelinuxProfile\nmetadata:\n  name: raw\nspec:\n  policy: |\n    (blockinherit container)\n    (allow process var_log_t (file (read)))\n',
];
/** What means something to one of the parsers, or to the compiler. */
const pieces = [
  ...[
    '(',
    ')',
    '((',
    '))',
    ';',
    ';;*',
    '"',
    '\\',
    '\r',
    '\n',
    '\r\n',
    '\t',
    '\0',
    '\u202e',
    '\ufeff',
    '\ud800',
    'ä',
    '@self',
    '.',
    '-',
  ],
  ...[
    'allow',
    'in',
    'block',
    'blockinherit',
    'process',
    'self',
    'all',
    'not',
    'type',
    'typeattributeset',
    'optional',
    'a.b',
  ],
  ...[
    '&a ',
    '*a',
    '!!x ',
    '<<: ',
    '[',
    ']',
    '{',
    '}',
    ': ',
    '- ',
    '|',
    '---\n',
    '~',
    '0x1',
    '1e999',
    'kind',
    'spec',
    'metadata',
  ],
];

/**
 * Feeds mutated policies and profiles to the SELinux parsers for some seconds: whatever comes in,
 * they answer within a second, refuse with a FairleadError or accept, and what they accept is
 * written as one block that reads the same again.
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
    const isPolicy = random(3) > 0;
    const list = isPolicy ? policies : profiles;
    const text = mutate(list[random(list.length)] ?? '', pieces, random);
    const start = performance.now();
    try {
      const profile = isPolicy ? readPolicy(text) : readProfile(text);
      if (profile !== undefined) {
        accepted += 1;
        check(profile);
      }
    } catch (error) {
      throw new assert.AssertionError({
        message: `seed ${seed}: ${JSON.stringify(text.slice(0, 5_000))}: ${String(error)}`,
      });
    }
    const took = performance.now() - start;
    assert.ok(took < 1_000, `seed ${seed}: ${took.toFixed()} ms for ${JSON.stringify(text.slice(0, 5_000))}`);
  }
  report(`selinux: seed ${seed}, ${inputs} inputs, ${accepted} accepted, ${memory.check(seed).toFixed(1)} MiB stayed`);
}

function readPolicy(text: string): RawSelinuxProfile | undefined {
  return orRefused(() => ({ kind: 'RawSELinux', name: 'raw', policy: parsePolicy(text, 'policy') }));
}

function readProfile(text: string): SelinuxProfile | RawSelinuxProfile | undefined {
  return orRefused(() => {
    const bytes = new TextEncoder().encode(text);
    const document = readYaml(bytes, 'profile', { bytes: 1_000_000, depth: 16, values: 100_000 });
    const isRaw = text.includes('RawSelinuxProfile');
    return isRaw ? parseRawSelinux(document).profile : parseSelinux(document).profile;
  });
}

function orRefused<Result>(read: () => Result): Result | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof FairleadError && ['ProfileInvalid', 'LimitExceeded'].includes(error.kind)) return undefined;
    throw error;
  }
}

function check(profile: SelinuxProfile | RawSelinuxProfile): void {
  lintSelinux(profile);
  orRefused(() => validateSelinux(profile));
  const text = renderCil(profile);
  const [block, ...others] = cilTree(text, 'rendered', { length: 2_000_000, depth: 4, nodes: 1_000_000 });
  assert.equal(others.length, 0, 'more than one block');
  assert.ok(block !== undefined && block.items[0]?.type === 'symbol' && block.items[0].text === 'block');
  if (profile.kind === 'RawSELinux') {
    const inner = text.slice(text.indexOf('\n'), text.lastIndexOf(')'));
    assert.deepEqual(parsePolicy(inner, 'rendered'), profile.policy);
  }
}
