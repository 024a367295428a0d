import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Binding } from '../bind/binding.ts';
import { readClusterArtifactBinding } from '../bind/read-binding.ts';
import { admissionSource } from './admission-source.ts';
import { bindingMarker } from './binding-marker.ts';
import type { ClusterObjects } from './cluster-objects.ts';
import { type BindingSource, bindingKinds } from './list-bindings.ts';

const reference = `registry.example.com/security/nginx@sha256:${'a1'.repeat(32)}`;

it('the labels of a namespace are asked for if a binding selects by them, and not because of the marker', async () => {
  const asked: string[] = [];
  let bindings: readonly Binding[] = [];
  const cluster = {
    check: () => undefined,
    stateFor: async (_namespace: string, labels: string) => void asked.push(labels),
  } as unknown as ClusterObjects;
  const list = async () => bindings;
  const source = admissionSource({ list } as unknown as BindingSource, cluster);
  const markers = bindingKinds.flatMap(({ resource, parse }) => parse(bindingMarker(resource, 'system')) ?? []);
  assert.ok(markers.some(({ namespaceSelector }) => namespaceSelector !== undefined));
  const matchLabels = { team: 'a' };
  const binding = (namespaceSelector: object): Binding =>
    readClusterArtifactBinding({ metadata: { name: 'a' }, spec: { reference, podSelector: {}, namespaceSelector } });
  for (const each of [[], [binding({})], [binding({ matchLabels })]]) {
    bindings = [...markers, ...each];
    await source.read('web');
  }
  assert.deepEqual(asked, ['held', 'held', 'current']);
});
