import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { applyPatch, arbitraryBindings, arbitraryPods, type Json } from '#test/support/arbitrary-pods';
import { contextOf } from '#test/support/nginx-binding';
import { parsePod } from '../api/pod.ts';
import { bindPod } from './bind.ts';
import { checkPod } from './check.ts';

const podAnnotation = 'seccomp.security.alpha.kubernetes.io/pod';
const containerAnnotation = 'container.seccomp.security.alpha.kubernetes.io/';

/** What Kubernetes takes a place to ask for: the field, or else the annotation. */
const asked = (place: Json, annotations: Json, key: string): string | undefined => {
  const field = (place['securityContext'] as Json | undefined)?.['seccompProfile'] as Json | undefined;
  if (field !== undefined) return JSON.stringify(field);
  const annotation = annotations[key];
  return annotation === 'runtime/default' ? '{"type":"RuntimeDefault"}' : (annotation as string | undefined);
};

describe('bindPod', () => {
  it('leaves every place of a bound pod with the profile, no looser than asked, and a second call changes nothing', () => {
    const seen = { bound: 0, refused: 0, untouched: 0, defaulted: 0 };
    fc.assert(
      fc.property(arbitraryPods, arbitraryBindings, (pod, list) => {
        const outcome = bindPod(parsePod(pod), contextOf(list));
        seen[outcome.outcome]++;
        if (outcome.outcome !== 'bound') return;

        const [localhostProfile = ''] = outcome.localhostProfiles;
        const after = applyPatch(pod, outcome.patch);
        const { spec, metadata } = after as { spec: Json; metadata: Json };
        const before = pod as { spec: Json; metadata: Json };
        const left = (metadata['annotations'] ?? {}) as Json;
        const annotations = (before.metadata['annotations'] ?? {}) as Json;
        const ofPod = asked(before.spec, annotations, podAnnotation);
        const places: [Json, Json, string][] = [
          [spec, before.spec, podAnnotation],
          ...['initContainers', 'containers'].flatMap((list) =>
            ((spec[list] ?? []) as Json[]).map((container, i): [Json, Json, string] => [
              container,
              (before.spec[list] as Json[])[i] as Json,
              `${containerAnnotation}${container['name']}`,
            ]),
          ),
        ];
        for (const [place, was, key] of places) {
          const found = (place['securityContext'] as Json)['seccompProfile'] as Json;
          const name =
            found['type'] === 'OCI' && place === spec
              ? `oci/${(found['oci'] as Json)['ref']}`
              : found['localhostProfile'];
          assert.ok(typeof name === 'string' && name.split('?')[0] === localhostProfile.split('?')[0]);
          if (localhostProfile.includes('?')) assert.equal(name, localhostProfile);
          const wanted = asked(was, annotations, key) ?? ofPod;
          if (wanted === '{"type":"RuntimeDefault"}') {
            seen.defaulted++;
            assert.ok(name.endsWith('?base=RuntimeDefault'), 'RuntimeDefault is lost');
          }
          // The API server takes an annotation for the field where the pod has none, and refuses
          // the two when they differ.
          const field = (was['securityContext'] as Json | undefined)?.['seccompProfile'];
          if (field === undefined && left[key] !== undefined) assert.equal(left[key], `localhost/${name}`);
        }
        const again = bindPod(parsePod(after), contextOf(list));
        assert.deepEqual(again, { ...outcome, patch: [] });
        assert.equal(checkPod(parsePod(after), contextOf(list)).outcome, 'untouched');
      }),
      { numRuns: 4000 },
    );
    for (const [outcome, count] of Object.entries(seen)) assert.ok(count > 50, `${outcome} was hardly tried: ${count}`);
  });
});
