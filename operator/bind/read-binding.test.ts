import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import { readArtifactBinding, readClusterArtifactBinding, readProfileBinding } from './read-binding.ts';

const digest = `sha256:${'0f'.repeat(32)}`;
const object = (spec: object) => ({ metadata: { name: 'b0' }, spec });

function acceptedByUs(spec: object): boolean {
  try {
    return readArtifactBinding(object({ podSelector: {}, ...spec })).name === 'b0';
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
      mode: 'Log',
      images: ['docker.io/library/nginx:1.*', `ghcr.io/acme/**@${digest}`],
      containers: ['web'],
      podSelector: {
        matchLabels: { constructor: 'x', app: 'nginx' },
        matchExpressions: [{ key: 'tier', operator: 'In', values: ['web'] }],
      },
    };
    assert.deepEqual(readArtifactBinding(object(spec)), {
      kind: 'ArtifactBinding',
      name: 'b0',
      podSelector: spec.podSelector,
      images: [
        { repository: 'docker.io/library/nginx', tag: '1.*' },
        { repository: 'ghcr.io/acme/**', digest },
      ],
      containers: ['web'],
      source: { from: 'reference', reference: spec.reference },
      parameters: { base: { localhost: 'base.json' }, mode: 'Log' },
    });
  });

  const podSelector = {};
  it('has its profile from one of three sources', () => {
    const artifactRef = { kind: 'ClusterProfileArtifact', name: 'web' };
    const from = (spec: object) => readArtifactBinding(object({ podSelector, ...spec })).source;
    assert.deepEqual(from({ artifactRef }), { from: 'artifact', ...artifactRef });
    assert.deepEqual(from({ profileFrom: 'ImageReferrers' }), { from: 'image' });
    for (const spec of [{}, { artifactRef, profileFrom: 'ImageReferrers' }]) {
      assert.throws(() => from(spec), /spec: must have exactly one of reference, artifactRef and profileFrom/);
    }
  });

  const reference = `localhost/nginx@${digest}`;
  const bad: [string, unknown, RegExp][] = [
    ['without selector', object({ reference }), /^ArtifactBinding "b0": spec\.podSelector/],
    ['of an unknown kind', object({ reference, podSelector, kind: 'AppArmor' }), /^ArtifactBinding "b0": spec\.kind/],
    [
      'with an unknown operator',
      object({ reference, podSelector: { matchExpressions: [{ key: 'a', operator: 'Gt' }] } }),
      /operator/,
    ],
    [
      'with a label that no pod can have',
      object({ reference, podSelector: { matchLabels: { 'app ': 'x' } } }),
      /^ArtifactBinding "b0": spec\.podSelector\.matchLabels: "app " is not a valid label key$/,
    ],
    [
      'with labels that are no strings',
      object({ reference, podSelector: { matchLabels: { a: 1 } } }),
      /must be a string/,
    ],
    [
      'with a pattern of no image',
      object({ reference, podSelector, images: ['nginx'] }),
      /spec\.images\.0: registry without a/,
    ],
    [
      'with a pattern that no image of Docker Hub matches',
      object({ reference, podSelector, images: ['docker.io/nginx'] }),
      /spec\.images\.0: no image matches: on Docker Hub, nginx is docker\.io\/library\/nginx/,
    ],
    ['without a name', {}, /^ArtifactBinding without a name/],
  ];
  for (const [title, value, message] of bad) {
    it(`${title} is refused`, () => {
      assert.throws(
        () => readArtifactBinding(value),
        (thrown) => thrown instanceof FairleadError && thrown.kind === 'InvalidInput' && message.test(thrown.message),
      );
    });
  }
});

describe('a ClusterArtifactBinding', () => {
  const spec = { reference: `localhost/nginx@${digest}`, podSelector: {} };
  it('selects namespaces by their labels, or all', () => {
    const some = { matchLabels: { team: 'web' } };
    assert.deepEqual(readClusterArtifactBinding(object({ ...spec, namespaceSelector: some })).namespaceSelector, some);
    assert.equal(readClusterArtifactBinding(object({ ...spec, namespaceSelector: {} })).namespaceSelector, undefined);
    assert.throws(
      () => readClusterArtifactBinding(object(spec)),
      /^FairleadError: ClusterArtifactBinding "b0": spec\.namesp/,
    );
  });
});

describe('a ProfileBinding', () => {
  const read = (image: string, kind = 'SeccompProfile') =>
    readProfileBinding(object({ image, profileRef: { kind, name: 'web' } }));

  it('matches one image by any of its names, or is the default', () => {
    const source = { from: 'seccompProfile', name: 'web' };
    const common = { kind: 'ProfileBinding', name: 'b0', podSelector: {}, source, parameters: {} };
    const tag = { repository: 'docker.io/library/nginx', tag: 'latest' };
    for (const image of ['nginx', 'nginx:latest', 'docker.io/library/nginx']) {
      assert.deepEqual(read(image), { ...common, images: [tag] });
    }
    const pinned = { repository: 'docker.io/library/nginx', digest };
    for (const image of [`nginx@${digest}`, `nginx:1.27@${digest}`]) {
      assert.deepEqual(read(image), { ...common, images: [pinned] });
    }
    assert.deepEqual(read('*'), { ...common, images: 'default' });
    assert.deepEqual(read('nginx:*'), { ...common, images: [] }, 'the name of no image');
  });

  it('of a kind that is not applied decides on nothing, however invalid it is', () => {
    for (const kind of ['SelinuxProfile', 'AppArmorProfile']) assert.equal(read('', kind), undefined);
    assert.throws(() => read(''), /^FairleadError: ProfileBinding "b0": spec\.image/);
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
