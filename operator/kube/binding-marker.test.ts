import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { arbitraryPods, type Json } from '#test/support/arbitrary-pods';
import { selectsNothing } from '../api/label-selector.ts';
import { parsePod } from '../api/pod.ts';
import { selecting } from '../bind/decide.ts';
import { bindingMarker, isMarker } from './binding-marker.ts';
import { bindingKinds } from './list-bindings.ts';

const stored = { apiVersion: 'fairlead.dev/v1alpha1', kind: 'ArtifactBinding' };

describe('the marker of a kind of bindings', () => {
  for (const { resource, parse } of bindingKinds) {
    it(`is a ${resource.kind} that selects no pod`, () => {
      const marker = parse(bindingMarker(resource, 'fairlead-system'));
      assert.ok(marker !== undefined);
      assert.ok(selectsNothing(marker.podSelector), 'admissions would ask for the namespace');
      const labels = fc.constantFrom({}, { 'fairlead.dev/marker': 'true' }, { 'fairlead.dev/marker': '' });
      fc.assert(
        fc.property(arbitraryPods, labels, (pod, more) => {
          const metadata = { ...(pod['metadata'] as Json), labels: more };
          assert.deepEqual(selecting(parsePod({ ...pod, metadata }), [marker]), []);
        }),
      );
    });
  }

  it('is known by its name, its label and its selector together', () => {
    for (const { resource } of bindingKinds) {
      const { metadata, ...others } = bindingMarker(resource, 'fairlead-system');
      const marker = { ...stored, ...others, metadata: { ...metadata, uid: '', resourceVersion: '1' } };
      const { labels, ...withoutLabels } = { labels: undefined, ...marker.metadata };
      assert.equal(isMarker(marker), true);
      assert.equal(isMarker({ ...marker, metadata: withoutLabels }), false);
      assert.equal(isMarker({ ...marker, metadata: { ...marker.metadata, name: 'nginx' } }), false);
      const [exists] = (others['spec'] as { podSelector: { matchExpressions: object[] } }).podSelector.matchExpressions;
      for (const podSelector of [{}, { matchExpressions: [exists] }, { matchLabels: labels }]) {
        const changed = { ...marker, spec: { ...(others['spec'] as object), podSelector } };
        assert.equal(isMarker(changed), false);
      }
    }
  });
});
