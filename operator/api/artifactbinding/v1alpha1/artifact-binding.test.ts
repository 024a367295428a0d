import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import { parseBindingPage } from './artifact-binding.ts';

const digest = `sha256:${'0f'.repeat(32)}`;

const page = (...specs: unknown[]) =>
  JSON.stringify({
    metadata: { resourceVersion: '1' },
    items: specs.map((spec, i) => ({ metadata: { name: `b${i}` }, spec })),
  });

function acceptedByUs(spec: object): boolean {
  try {
    return parseBindingPage(page({ podSelector: {}, ...spec })).bindings.length === 1;
  } catch (thrown) {
    assert.ok(thrown instanceof FairleadError && thrown.kind === 'InvalidInput');
    assert.match(thrown.message, /^ArtifactBinding "b0": spec\.(reference|base): /);
    return false;
  }
}

const references: [string, boolean][] = [
  [`ghcr.io/acme/nginx@${digest}`, true],
  [`localhost/nginx@${digest}`, true],
  [`localhost:5000/security/nginx@${digest}`, true],
  [`registry:5000/nginx@${digest}`, true],
  [`127.0.0.1:5000/a/b/c.d_e__f-g@${digest}`, true],
  [`[::1]:5000/nginx@${digest}`, true],
  [`my-registry.example.com/nginx@${digest}`, true],
  [`${'a'.repeat(63)}.example.com/${'b'.repeat(255 - 76)}@${digest}`, true],
  [`${'a'.repeat(63)}.example.com/${'b'.repeat(256 - 75)}@${digest}`, false],
  ['ghcr.io/acme/nginx:1.27', false],
  [`ghcr.io/acme/nginx:1.27@${digest}`, false],
  ['ghcr.io/acme/nginx', false],
  [`nginx@${digest}`, false],
  [`acme/nginx@${digest}`, false],
  [`ghcr.io/Acme/nginx@${digest}`, false],
  [`ghcr.io/acme/nginx@${digest.toUpperCase()}`, false],
  [`ghcr.io/acme/nginx@${digest.slice(0, -1)}`, false],
  [`ghcr.io/acme/nginx@sha512:${'0f'.repeat(64)}`, false],
  [`localhost:65535/nginx@${digest}`, true],
  [`localhost:65536/nginx@${digest}`, false],
  [`https://ghcr.io/acme/nginx@${digest}`, false],
  [`ghcr.io/acme/../nginx@${digest}`, false],
  [`ghcr.io//nginx@${digest}`, false],
  [`ghcr.io/acme/nginx@${digest}?base=x`, false],
  [`ghcr.io/acme/nginx@${digest}\n`, false],
  ['', false],
];

const bases: [string, boolean][] = [
  ['base.json', true],
  ['profiles/web/base.json', true],
  ['_x/y-z', true],
  ['../base.json', false],
  ['profiles/../base.json', false],
  ['/etc/base.json', false],
  ['.hidden', false],
  ['a//b', false],
  ['a/', false],
  ['a&b=c', false],
  ['a%2fb', false],
  ['', false],
  ['a'.repeat(254), false],
];

describe('an ArtifactBinding', () => {
  for (const [reference, expected] of references) {
    it(`${expected ? 'may' : 'may not'} name ${JSON.stringify(reference.slice(0, 100))}`, () => {
      assert.equal(acceptedByUs({ reference }), expected);
    });
  }
  for (const [base, expected] of bases) {
    it(`${expected ? 'may' : 'may not'} have the base ${JSON.stringify(base.slice(0, 100))}`, () => {
      assert.equal(acceptedByUs({ reference: `localhost/nginx@${digest}`, base }), expected);
    });
  }

  it('is read whole', () => {
    const spec = {
      reference: `localhost/nginx@${digest}`,
      kind: 'Seccomp',
      base: 'base.json',
      podSelector: {
        matchLabels: { constructor: 'x', app: 'nginx' },
        matchExpressions: [{ key: 'tier', operator: 'In', values: ['web'] }],
      },
    };
    assert.deepEqual(parseBindingPage(page(spec)), {
      more: false,
      bindings: [
        {
          name: 'b0',
          reference: spec.reference,
          base: 'base.json',
          podSelector: {
            matchLabels: { constructor: 'x', app: 'nginx' },
            matchExpressions: spec.podSelector.matchExpressions,
          },
        },
      ],
    });
  });
});

describe('the base of an ArtifactBinding', () => {
  // The CRD has no way to say so: `localhost/x.json` would come to be
  // `?base=localhost/localhost/x.json`.
  for (const base of [
    'localhost/x.json',
    'Localhost/x.json',
    'runtime/default',
    'docker/default',
    'runtimeDefault',
    'Unconfined',
  ]) {
    it(`may not be ${base}, which is meant for a pod or an annotation`, () => {
      assert.equal(acceptedByUs({ reference: `localhost/nginx@${digest}`, base }), false);
    });
  }
  for (const base of ['RuntimeDefault', 'local/x.json', 'profiles/localhost/x.json', 'unconfined.json']) {
    it(`may be ${base}`, () => {
      assert.equal(acceptedByUs({ reference: `localhost/nginx@${digest}`, base }), true);
    });
  }
});

describe('a list of ArtifactBindings', () => {
  it('reports whether there are more', () => {
    assert.deepEqual(parseBindingPage('{"metadata":{"continue":"x"},"items":[]}'), { bindings: [], more: true });
    assert.deepEqual(parseBindingPage('{"metadata":{"continue":""},"items":[]}'), { bindings: [], more: false });
  });

  it('may be null where it is empty, as Go writes it', () => {
    assert.deepEqual(parseBindingPage('{"metadata":{},"items":null}'), { bindings: [], more: false });
  });

  const good = { reference: `localhost/nginx@${digest}`, podSelector: {} };
  const bad: [string, string, RegExp][] = [
    ['no JSON', '<html>', /not valid JSON/],
    ['another object', '{"kind":"Status"}', /invalid list of ArtifactBindings/],
    [
      'a binding without selector',
      page(good, { reference: good.reference }),
      /^ArtifactBinding "b1": spec\.podSelector/,
    ],
    ['a kind of later versions', page({ ...good, kind: 'AppArmor' }), /^ArtifactBinding "b0": spec\.kind/],
    [
      'an unknown operator',
      page({ ...good, podSelector: { matchExpressions: [{ key: 'a', operator: 'Gt' }] } }),
      /operator/,
    ],
    [
      'a label that no pod can have',
      page(good, { ...good, podSelector: { matchLabels: { 'app ': 'x' } } }),
      /^ArtifactBinding "b1": spec\.podSelector\.matchLabels: "app " is not a valid label key$/,
    ],
    ['labels that are no strings', page({ ...good, podSelector: { matchLabels: { a: 1 } } }), /must be a string/],
    ['a nameless binding', '{"metadata":{},"items":[{}]}', /^ArtifactBinding number 0/],
  ];
  for (const [title, json, message] of bad) {
    it(`with ${title} is refused`, () => {
      assert.throws(
        () => parseBindingPage(json),
        (thrown) => thrown instanceof FairleadError && thrown.kind === 'InvalidInput' && message.test(thrown.message),
      );
    });
  }
});
