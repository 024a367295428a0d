import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { arbitraryPods, type Json } from '#test/support/arbitrary-pods';
import { parsePod } from '../api/pod.ts';
import { selecting } from '../bind/decide.ts';
import { bindingMarker } from './binding-marker.ts';
import { bindingKinds } from './list-bindings.ts';

describe('the marker of a kind of bindings', () => {
  for (const { resource, parse } of bindingKinds) {
    it(`is a ${resource.kind} that selects no pod`, () => {
      const marker = parse(bindingMarker(resource, 'fairlead-system'));
      assert.ok(marker !== undefined);
      const labels = fc.constantFrom({}, { 'fairlead.dev/marker': 'true' }, { 'fairlead.dev/marker': '' });
      fc.assert(
        fc.property(arbitraryPods, labels, (pod, more) => {
          const metadata = { ...(pod['metadata'] as Json), labels: more };
          assert.deepEqual(selecting(parsePod({ ...pod, metadata }), [marker]), []);
        }),
      );
    });
  }
});
