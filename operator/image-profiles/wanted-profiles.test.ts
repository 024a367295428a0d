import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readArtifactBinding, readClusterArtifactBinding } from '../bind/read-binding.ts';
import { readRunningPod } from '../coverage/running-pod.ts';
import { parseWorkloadTemplate, templateOfPod } from './pod-template.ts';
import { type ImageBinding, mostProfiles, wantedProfiles } from './wanted-profiles.ts';

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const image = (letter: string) => `ghcr.io/acme/app@${digest(letter)}`;
const spec = (more: object = {}) => ({
  profileFrom: 'ImageReferrers',
  podSelector: { matchLabels: { app: 'web' } },
  ...more,
});
const binding = (more: object = {}, name = 'b'): ImageBinding => ({
  binding: readArtifactBinding({ metadata: { name }, spec: spec(more) }),
  uid: `uid-${name}`,
  resourceVersion: '1',
  namespace: 'web',
});
const replicaSet = (containers: readonly object[], labels: object = { app: 'web' }, namespace = 'web') =>
  parseWorkloadTemplate({
    metadata: { namespace },
    spec: { template: { metadata: { labels }, spec: { containers } } },
  });
const namespaceLabels = (namespace: string) => new Map([['name', namespace]]);
const imagesOf = (bindings: readonly ImageBinding[], ...templates: ReturnType<typeof replicaSet>[]) =>
  [...wantedProfiles(bindings, templates, namespaceLabels).values()].map(({ kind, object }) => {
    const { image: wanted } = object['spec'] as { readonly image: string };
    return `${kind} ${object.metadata.namespace ?? ''} ${wanted}`;
  });

describe('wantedProfiles', () => {
  it('are those of images by digest, under their full names, of containers that a binding matches', () => {
    const template = replicaSet([
      { name: 'app', image: `ghcr.io/acme/app:v1@${digest('a')}` },
      { name: 'tagged', image: 'ghcr.io/acme/app:v1' },
      { name: 'hub', image: `nginx@${digest('b')}` },
    ]);
    assert.deepEqual(imagesOf([binding()], template), [
      `ProfileArtifact web ${image('a')}`,
      `ProfileArtifact web docker.io/library/nginx@${digest('b')}`,
    ]);
    assert.deepEqual(imagesOf([binding({ containers: ['app'] })], template), [`ProfileArtifact web ${image('a')}`]);
    assert.deepEqual(imagesOf([binding({ images: ['ghcr.io/**'] })], template), [`ProfileArtifact web ${image('a')}`]);
  });

  it('are for pods that the selectors select', () => {
    const app = [{ name: 'app', image: image('a') }];
    assert.deepEqual(
      imagesOf([binding()], replicaSet(app, { app: 'other' }), replicaSet(app, { app: 'web' }, 'other')),
      [],
    );
    const cluster = {
      binding: readClusterArtifactBinding({
        metadata: { name: 'all' },
        spec: { ...spec(), namespaceSelector: { matchLabels: { name: 'other' } } },
      }),
      uid: 'u',
      resourceVersion: '1',
    };
    assert.deepEqual(imagesOf([cluster], replicaSet(app), replicaSet(app, { app: 'web' }, 'other')), [
      `ClusterProfileArtifact  ${image('a')}`,
    ]);
  });

  it('include init and ephemeral containers of pods', () => {
    const pod = readRunningPod({
      metadata: { namespace: 'web', name: 'app', labels: { app: 'web' } },
      spec: {
        containers: [{ name: 'app', image: 'ghcr.io/acme/app:v1' }],
        initContainers: [{ name: 'init', image: image('a') }],
        ephemeralContainers: [{ name: 'debug', image: image('b') }],
      },
    });
    assert.deepEqual(imagesOf([binding()], templateOfPod(pod)).length, 2);
  });

  it('have names that depend on the image and the binding only, and belong to the binding', () => {
    const app = replicaSet([{ name: 'app', image: image('a') }]);
    const [one] = wantedProfiles([binding()], [app], namespaceLabels).values();
    const [same] = wantedProfiles([binding()], [app, app], namespaceLabels).values();
    const [other] = wantedProfiles([binding({}, 'c')], [app], namespaceLabels).values();
    assert.deepEqual(one, same);
    assert.notEqual(one?.object.metadata.name, other?.object.metadata.name);
    assert.deepEqual(one?.object.metadata['ownerReferences'], [
      { apiVersion: 'fairlead.dev/v1alpha1', kind: 'ArtifactBinding', name: 'b', uid: 'uid-b' },
    ]);
  });

  it('are at most as many as are followed', () => {
    const many = Array.from({ length: mostProfiles + 10 }, (_, index) =>
      replicaSet([{ name: 'app', image: `ghcr.io/acme/app@sha256:${index.toString(16).padStart(64, '0')}` }]),
    );
    assert.equal(wantedProfiles([binding()], many, namespaceLabels).size, mostProfiles);
  });
});
