import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Binding } from '../bind/binding.ts';
import type { ClusterState } from '../bind/cluster-state.ts';
import { clusterConflicts, namespaceConflicts } from './binding-conflicts.ts';

const reference = (of: string) => `registry.example.com/security/nginx@sha256:${of.repeat(64)}`;
const nothing: ClusterState = {
  namespaceLabels: () => new Map(),
  artifact: (_kind, _namespace, name) => ({
    name,
    kind: 'Seccomp',
    reference: name === 'b' ? reference('b') : undefined,
  }),
  imageArtifacts: () => [],
  seccompProfile: () => undefined,
};
const binding = (name: string, of: string, more: Partial<Binding> = {}): Binding => ({
  kind: 'ArtifactBinding',
  name,
  podSelector: { matchLabels: { app: 'nginx' } },
  source: { from: 'reference', reference: reference(of) },
  parameters: {},
  ...more,
});
const ofCluster = (name: string, of: string, more: Partial<Binding> = {}) =>
  binding(name, of, { kind: 'ClusterArtifactBinding', ...more });

const conflicting = (find: typeof namespaceConflicts, ...bindings: Binding[]) =>
  [...find({ namespace: 'web', bindings, cluster: nothing })].map(([key, { others }]) => [
    key.slice(key.lastIndexOf('/') + 1),
    ...others.map((each) => each.name),
  ]);
const inNamespace = (...bindings: Binding[]) => conflicting(namespaceConflicts, ...bindings);
const inCluster = (...bindings: Binding[]) => conflicting(clusterConflicts, ...bindings);

const both = [
  ['one', 'two'],
  ['two', 'one'],
];

describe('namespaceConflicts', () => {
  it('finds two bindings with the same selector and different profiles, and names both', () => {
    const bindings = [binding('one', 'a'), binding('two', 'b')];
    assert.deepEqual(inNamespace(...bindings), both);
    const [conflict] = namespaceConflicts({ namespace: 'web', bindings, cluster: nothing }).values();
    assert.match(
      conflict?.message ?? '',
      /^New pods .* refused: .*ArtifactBinding "one" specifies \S+, ArtifactBinding "two" specifies \S+\. Make one of them more specific/,
    );
  });

  it('finds none if both give the same profile, or one is more specific, or selects others', () => {
    for (const other of [
      binding('two', 'a'),
      binding('two', 'b', { containers: ['app'] }),
      binding('two', 'b', { images: [{ repository: 'ghcr.io/acme/**' }] }),
      binding('two', 'b', { podSelector: {} }),
      binding('two', 'b', { podSelector: { matchLabels: { app: 'other' } } }),
      ofCluster('two', 'b'),
    ]) {
      assert.deepEqual(inNamespace(binding('one', 'a'), other), [], JSON.stringify(other));
    }
  });

  for (const [what, more] of [
    ['no labels', { podSelector: {} }],
    ['containers', { containers: ['app', 'log'] }],
    ['a repository', { images: [{ repository: 'ghcr.io/acme/app' }] }],
    ['repositories', { images: [{ repository: 'ghcr.io/*/**' }] }],
    ['tags', { images: [{ repository: 'ghcr.io/acme/app', tag: '1.*' }] }],
    ['a digest', { images: [{ repository: 'ghcr.io/acme/app', digest: `sha256:${'0'.repeat(64)}` }] }],
    ['a default', { images: 'default' }],
    [
      'expressions',
      {
        podSelector: {
          matchExpressions: [
            { key: 'tier', operator: 'In', values: ['front', 'back'] },
            { key: 'app', operator: 'Exists' },
            { key: 'debug', operator: 'DoesNotExist' },
            { key: 'stage', operator: 'NotIn', values: ['test'] },
          ],
        },
      },
    ],
  ] as const satisfies readonly (readonly [string, Partial<Binding>])[]) {
    it(`finds a conflict of bindings that select by ${what}`, () => {
      assert.deepEqual(inNamespace(binding('one', 'a', more), binding('two', 'b', more)), both);
    });
  }

  it('finds what shares one container or one image, and what selects a part of the pods', () => {
    const other = { podSelector: { matchLabels: { app: 'nginx', tier: 'front' } } };
    assert.deepEqual(inNamespace(binding('one', 'a'), binding('two', 'b', other)), both);
    const containers = (...names: string[]) => ({ containers: names });
    assert.deepEqual(
      inNamespace(binding('one', 'a', containers('app', 'log')), binding('two', 'b', containers('log', 'x'))),
      both,
    );
    const images = (...names: string[]) => ({ images: names.map((name) => ({ repository: `ghcr.io/acme/${name}` })) });
    assert.deepEqual(inNamespace(binding('one', 'a', images('a', 'b')), binding('two', 'b', images('c', 'b'))), both);
  });

  it('finds none where a more specific binding decides on all that both select', () => {
    const containers = { containers: ['app'] };
    const more = { ...containers, images: [{ repository: '**' }] };
    const bindings = [binding('one', 'a', containers), binding('two', 'b', containers)];
    assert.deepEqual(inNamespace(...bindings), both);
    assert.deepEqual(inNamespace(...bindings, binding('three', 'c', more)), []);
  });

  it('finds none with a profile that is not known yet', () => {
    const held = (name: string) => ({ source: { from: 'artifact', kind: 'ProfileArtifact', name } }) as const;
    assert.deepEqual(inNamespace(binding('one', 'a'), binding('two', 'b', held('absent'))), []);
    assert.deepEqual(inNamespace(binding('one', 'a'), binding('two', 'b', held('b'))), both);
  });
});

describe('clusterConflicts', () => {
  it('finds bindings of the cluster for the same namespaces', () => {
    assert.deepEqual(inCluster(ofCluster('one', 'a'), ofCluster('two', 'b')), both);
    const team = (name: string) => ({ namespaceSelector: { matchLabels: { team: name } } });
    assert.deepEqual(inCluster(ofCluster('one', 'a', team('web')), ofCluster('two', 'b', team('web'))), both);
    assert.deepEqual(inCluster(ofCluster('one', 'a', team('web')), ofCluster('two', 'b', team('shop'))), []);
  });
});
