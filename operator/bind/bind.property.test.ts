import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { applyPatch, arbitraryBindings, arbitraryPods, type Json } from '#test/support/arbitrary-pods';
import { contextOf } from '#test/support/nginx-binding';
import { parsePod } from '../api/pod.ts';
import { bindPod } from './bind.ts';
import { checkPod } from './check.ts';
import type { OciField } from './delivery.ts';

const podAnnotation = 'seccomp.security.alpha.kubernetes.io/pod';
const containerAnnotation = 'container.seccomp.security.alpha.kubernetes.io/';

/** What Kubernetes takes a place to ask for: the field, or else the annotation. */
const asked = (place: Json, annotations: Json, key: string): string | undefined => {
  const field = (place['securityContext'] as Json | undefined)?.['seccompProfile'] as Json | undefined;
  if (field !== undefined) return JSON.stringify(field);
  const annotation = annotations[key];
  return annotation === 'runtime/default' ? '{"type":"RuntimeDefault"}' : (annotation as string | undefined);
};

const arbitraryFields = fc.constantFrom<(OciField | undefined)[]>(undefined, 'ref', 'reference');

/** What the type OCI says, as a Localhost profile says it. */
const localhostProfileOf = ({ ref, reference, baseProfile }: Json): string => {
  const { type, localhostProfile } = (baseProfile ?? {}) as Json;
  const base = type === 'Localhost' ? `localhost/${localhostProfile}` : type;
  return `oci/${ref ?? reference}${base === undefined ? '' : `?base=${base}`}`;
};

describe('bindPod', () => {
  it('leaves every place of a bound pod with the profile, no looser than asked, and a second call changes nothing', () => {
    const seen = { bound: 0, refused: 0, untouched: 0, defaulted: 0, native: 0 };
    fc.assert(
      fc.property(arbitraryPods, arbitraryBindings, arbitraryFields, (pod, list, ociField) => {
        const context = contextOf(list, { ociField: () => ociField });
        const outcome = bindPod(parsePod(pod), context);
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
          if (found['type'] === 'OCI') seen.native++;
          const isNative = found['type'] === 'OCI' && (place === spec || ociField !== undefined);
          const name = isNative ? localhostProfileOf(found['oci'] as Json) : found['localhostProfile'];
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
        const again = bindPod(parsePod(after), context);
        assert.deepEqual(again, { ...outcome, patch: [] });
        assert.equal(checkPod(parsePod(after), context).outcome, 'untouched');
      }),
      { numRuns: 4000 },
    );
    for (const [outcome, count] of Object.entries(seen)) assert.ok(count > 50, `${outcome} was hardly tried: ${count}`);
  });
});
