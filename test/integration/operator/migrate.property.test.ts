import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { Document, isMap, isPair, isScalar, isSeq, parseAllDocuments, visit } from 'yaml';
import { resources } from '#operator/api/resources';
import { migrateManifests } from '#operator/migrate/migrate-manifests';
import { type Json, toJson } from '#operator/migrate/value';
import { arbitraryOf } from '#test/support/arbitrary-of-schema';

const group = 'security-profiles-operator.x-k8s.io';
const numRuns = 150;

const word = fc.constantFrom(
  'a',
  'nginx',
  'web',
  'on',
  'yes',
  '~',
  '0x1f',
  '',
  '#',
  'a: b',
  '- x',
  'two\nlines',
  ' x ',
  '"',
  "'",
  '@self',
);
const leaf: fc.Arbitrary<Json> = fc.oneof(
  word,
  fc.boolean(),
  fc.constantFrom(0, 1, 4_294_967_295, 1.5, 9_223_372_036_854_775_807n, 18_446_744_073_709_551_615n),
  fc.constant(null),
);
const anything: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    leaf,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('name', 'k', 'type', '__proto__', 'a/b~c', 'items'), tie('value'), {
      maxKeys: 3,
      noNullPrototype: true,
    }),
  ),
})).value;

/** Returns objects with some of these fields, in any order. */
function some(
  fields: Readonly<Record<string, fc.Arbitrary<Json>>>,
  required: readonly string[] = [],
): fc.Arbitrary<Json> {
  return fc
    .record(fields, { requiredKeys: [...required], noNullPrototype: true })
    .chain((object) => fc.shuffledSubarray(Object.entries(object), { minLength: Object.keys(object).length }))
    .map((entries) => Object.fromEntries(entries) as Json);
}

const profileSpec = {
  disabled: fc.oneof(fc.boolean(), anything),
  state: fc.constantFrom('Enabled', 'Disabled'),
  defaultAction: fc.constant('SCMP_ACT_ERRNO'),
  baseProfileName: fc.constantFrom('nginx', 'oci://r/a'),
  extra: anything,
};
const toleration = some({ key: word, operator: fc.constant('Exists'), extra: anything });
const specs: Readonly<Record<string, readonly [version: string, spec: fc.Arbitrary<Json>]>> = {
  SeccompProfile: [
    'v1beta1',
    some({
      ...profileSpec,
      syscalls: fc.array(
        some({
          names: fc.array(word, { maxLength: 3 }),
          args: fc.array(some({ index: leaf, value: leaf })),
          extra: anything,
        }),
        { maxLength: 3 },
      ),
    }),
  ],
  SelinuxProfile: [
    'v1alpha2',
    some({
      ...profileSpec,
      permissive: fc.boolean(),
      mode: fc.constantFrom('Permissive', 'Enforcing'),
      allow: anything,
    }),
  ],
  RawSelinuxProfile: ['v1alpha2', some({ ...profileSpec, policy: word })],
  AppArmorProfile: ['v1alpha1', some({ ...profileSpec, complainMode: fc.boolean(), abstract: anything })],
  ProfileBinding: [
    'v1alpha1',
    some({ image: word, profileRef: some({ kind: fc.constantFrom('ApparmorProfile', 'SeccompProfile'), name: word }) }),
  ],
  ProfileRecording: [
    'v1alpha1',
    some({
      recorder: fc.constantFrom('bpf', 'logs', '', 'Bpf'),
      mergeStrategy: fc.constantFrom('none', 'containers', ''),
      kind: fc.constantFrom('ApparmorProfile', 'SeccompProfile'),
      podSelector: anything,
    }),
  ],
  SecurityProfilesOperatorDaemon: [
    'v1alpha1',
    some({
      enableSelinux: fc.boolean(),
      selinuxTypeTag: word,
      selinuxOptions: anything,
      selinux: fc.oneof(some({ typeTag: word, extra: anything }), anything),
      enableLogEnricher: fc.boolean(),
      logEnricherSource: fc.constantFrom('bpf', 'auditd', ''),
      jsonEnricherOptions: anything,
      tolerations: fc.array(toleration, { maxLength: 2 }),
      affinity: anything,
      priorityClassName: word,
      scheduling: some({ affinity: anything }),
      webhookOptions: fc.array(some({ name: fc.constantFrom('binding.spo.io', 'x') }), { maxLength: 2 }),
      allowedSyscalls: fc.array(word, { maxLength: 3 }),
      verbosity: leaf,
    }),
  ],
};

const metadata = some(
  {
    name: fc.constantFrom('nginx', 'a', 'b'),
    namespace: fc.constantFrom('web', 'shop'),
    labels: fc.dictionary(word, word, { maxKeys: 2, noNullPrototype: true }),
    annotations: fc.dictionary(fc.constantFrom('a', 'kubectl.kubernetes.io/last-applied-configuration'), word, {
      maxKeys: 2,
      noNullPrototype: true,
    }),
    finalizers: fc.array(fc.constantFrom('in-use-by-active-pods', 'n-deleted', 'example.com/x'), { maxLength: 3 }),
    uid: word,
    managedFields: anything,
  },
  ['name'],
);

const arbitrarySpec = new Map(
  resources.map(({ kind, older, stored }) => [kind, fc.oneof(arbitraryOf(older.schema), arbitraryOf(stored.schema))]),
);

/** Objects that are valid, mixed with some that are not. */
const resource: fc.Arbitrary<Json> = fc.constantFrom(...Object.entries(specs)).chain(([kind, [version, spec]]) => {
  const body = arbitrarySpec.get(kind) ?? fc.constant({});
  const valid = fc.tuple(metadata, body).map(([about, fields]) => ({
    apiVersion: `${group}/${version}`,
    kind,
    metadata: about,
    ...(fields as object),
  }));
  const other = some(
    {
      apiVersion: fc.constantFrom(`${group}/${version}`, `${group}/${version}`, `${group}/v1`),
      kind: fc.constant(kind),
      metadata,
      spec,
      status: anything,
    },
    ['apiVersion', 'kind', 'metadata'],
  );
  return fc.oneof({ weight: 3, arbitrary: valid as fc.Arbitrary<Json> }, { weight: 1, arbitrary: other });
});

const pod: fc.Arbitrary<Json> = some(
  {
    apiVersion: fc.constant('v1'),
    kind: fc.constant('Pod'),
    metadata: some({
      name: fc.constant('p'),
      annotations: fc.dictionary(
        fc.constantFrom('seccomp.security.alpha.kubernetes.io/pod', 'container.seccomp.security.alpha.kubernetes.io/a'),
        fc.constantFrom('localhost/operator/web/nginx.json', 'runtime/default', 'localhost/operator/nginx.json'),
        { noNullPrototype: true },
      ),
    }),
    spec: some({
      localhostProfile: fc.constantFrom('operator/web/nginx.json', 'operator/shop/a.json', 'operator/a.json'),
      containers: fc.array(
        some({
          securityContext: some({ seLinuxOptions: some({ type: fc.constantFrom('a_web.process', 'b.process') }) }),
          extra: anything,
        }),
        { maxLength: 2 },
      ),
    }),
  },
  ['apiVersion', 'kind'],
);

const manifest: fc.Arbitrary<Json> = fc.oneof(
  { weight: 5, arbitrary: resource },
  { weight: 2, arbitrary: pod },
  {
    weight: 1,
    arbitrary: fc
      .array(fc.oneof(resource, pod), { maxLength: 3 })
      .map((items): Json => ({ apiVersion: 'v1', kind: 'List', items })),
  },
);

interface Style {
  readonly indent: number;
  readonly indentSeq: boolean;
  readonly choices: readonly number[];
  readonly form: 'yaml' | 'json';
}

const style: fc.Arbitrary<Style> = fc.record({
  indent: fc.constantFrom(2, 3, 4),
  indentSeq: fc.boolean(),
  choices: fc.array(fc.nat(9), { minLength: 1, maxLength: 20 }),
  form: fc.constantFrom('yaml', 'yaml', 'yaml', 'json'),
});

/** Writes a document as a user might: with comments, blank lines, braces and quotes. */
function written(value: Json, { indent, indentSeq, choices, form }: Style): string {
  if (form === 'json') return `---\n${toJson(value, ' '.repeat(indent))}\n`;
  const document = new Document(value, { version: '1.2', compat: 'yaml-1.1', aliasDuplicateObjects: false });
  let turn = 0;
  const choose = () => choices[turn++ % choices.length] ?? 0;
  visit(document, (place, node) => {
    const choice = choose();
    if (isPair(node) && isScalar(node.key)) {
      if (choice === 1) node.key.commentBefore = ' above';
      if (choice === 2) node.key.spaceBefore = true;
      if (choice === 3) node.key.type = 'QUOTE_SINGLE';
    } else if (isScalar(node) && place !== 'key') {
      if (choice === 4) node.comment = ' behind';
      if (choice === 5 && typeof node.value === 'string') node.type = 'QUOTE_DOUBLE';
    } else if ((isMap(node) || isSeq(node)) && choice === 6) node.flow = true;
  });
  const text = document.toString({ indent, indentSeq, lineWidth: 0 });
  return `---\n${text}`;
}

const file = fc.array(fc.tuple(manifest, style), { minLength: 1, maxLength: 3 }).map((documents) => ({
  text: documents.map(([value, how]) => written(value, how)).join(''),
}));

function valuesOf(text: string): Json[] {
  return parseAllDocuments(text, { schema: 'core', intAsBigInt: true }).map((document) => {
    assert.deepEqual(document.errors, [], text);
    return document.toJS() as Json;
  });
}

/** Returns all values in a value, by their pointers. */
function leavesOf(value: Json, pointer: string, found: Map<string, Json> = new Map()): Map<string, Json> {
  if (typeof value === 'object' && value !== null && Object.keys(value).length > 0) {
    for (const [key, item] of Object.entries(value)) {
      leavesOf(item as Json, `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`, found);
    }
  } else found.set(pointer, value);
  return found;
}

describe('any manifest', () => {
  it('is migrated once: a second migration changes nothing', () => {
    fc.assert(
      fc.property(fc.array(file, { minLength: 1, maxLength: 2 }), (files) => {
        const named = files.map(({ text }, index) => ({ name: `${index}`, text }));
        const first = migrateManifests(named);
        assert.deepEqual(first.unread, []);
        const second = migrateManifests(first.files);
        assert.deepEqual(
          second.files.map(({ text, changes }) => ({ text, changes })),
          first.files.map(({ text }) => ({ text, changes: [] })),
        );
      }),
      { numRuns },
    );
  });

  it('means the same in a second run, if files in which something must be decided were not rewritten', () => {
    fc.assert(
      fc.property(fc.array(file, { minLength: 2, maxLength: 3 }), (files) => {
        const named = files.map(({ text }, index) => ({ name: `${index}`, text }));
        const first = migrateManifests(named);
        const onDisk = first.files.map(({ name, text, decisions }, index) => ({
          name,
          text: decisions.length > 0 ? (named[index]?.text ?? '') : text,
        }));
        const second = migrateManifests(onDisk);
        for (const [index, { text, decisions }] of second.files.entries()) {
          // An equal name without a namespace may need a decision that two in one namespace do not.
          if (decisions.length === 0) assert.equal(text, first.files[index]?.text);
        }
      }),
      { numRuns },
    );
  });

  it('is mostly decided, so that the other properties show something', () => {
    const samples = fc.sample(resource, { numRuns: 400, seed: 1 });
    const { files } = migrateManifests(samples.map((value, index) => ({ name: `${index}`, text: toJson(value) })));
    const alone = samples.filter((value) => {
      const {
        files: [one],
      } = migrateManifests([{ name: 'a', text: toJson(value) }]);
      return one?.decisions.length === 0 && one.changes.length > 0;
    });
    assert.equal(files.length, samples.length);
    assert.ok(alone.length > 100, `${alone.length}`);
  });

  it('loses nothing: each value is in the result, or in a change that is reported', () => {
    fc.assert(
      fc.property(file, ({ text }) => {
        const { files, unread } = migrateManifests([{ name: 'a', text }]);
        assert.deepEqual(unread, []);
        const [result] = files;
        assert.ok(result !== undefined);
        const [before, after] = [valuesOf(text), valuesOf(result.text)];
        assert.equal(after.length, before.length);
        const lines = text.split('\n');
        let line = 0;
        for (const [index, value] of before.entries()) {
          const begin = line;
          line = lines.indexOf('---', begin + 1);
          const isHere = (at: number) => at > begin && (line < 0 || at <= line);
          const changes = result.changes.filter((change) => isHere(change.line));
          const left = leavesOf(after[index] ?? null, '');
          for (const [pointer, leaf] of leavesOf(value, '')) {
            if (left.has(pointer) && isDeepStrictEqual(left.get(pointer), leaf)) continue;
            const isFilled = [...left.keys()].some((other) => other.startsWith(`${pointer}/`));
            if (isFilled && isDeepStrictEqual(leaf, {})) continue;
            const change = changes.find(({ from }) => from !== undefined && isIn(pointer, from.pointer));
            assert.ok(change?.from !== undefined, `${pointer} is lost in\n${text}\n${result.text}`);
          }
          for (const pointer of left.keys()) {
            const isOld = leavesOf(value, '').has(pointer);
            assert.ok(
              isOld ||
                changes.some(({ to }) => to !== undefined && (isIn(pointer, to.pointer) || isIn(to.pointer, pointer))),
              `${pointer} is not reported in\n${text}\n${result.text}`,
            );
          }
        }
        assert.deepEqual(
          result.notices.filter(({ code }) => code === 'layout-lost'),
          [],
          text,
        );
      }),
      { numRuns },
    );
  });
});

function isIn(pointer: string, other: string): boolean {
  return pointer === other || pointer.startsWith(`${other}/`);
}
