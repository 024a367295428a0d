import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type BindingObject, type Expected, expectedDecision } from '#test/oracle/binding-precedence';
import { arbitraryBindingObjects, images, known, readBindingObject } from '#test/support/arbitrary-bindings';
import { applyPatch, type Json } from '#test/support/arbitrary-pods';
import { contextOf } from '#test/support/nginx-binding';
import { parsePod } from '../api/pod.ts';
import { bindPod } from './bind.ts';
import { checkPod } from './check.ts';
import type { ClusterState } from './cluster-state.ts';
import type { BindingContext } from './decide.ts';
import { compareSpecificity, type Specificity } from './specificity.ts';

const namespaceLabels = { team: 'web' };
const state: Partial<ClusterState> = {
  namespaceLabels: () => new Map(Object.entries(namespaceLabels)),
  artifact: (kind, _namespace, name) => {
    const reference = known.artifacts.get(`${kind}/${name}`);
    return reference === undefined ? undefined : { name, kind: 'Seccomp', reference };
  },
  imageArtifacts: (kind, _namespace, image) => {
    const reference = known.images.get(`${kind}/${image}`);
    return reference === undefined ? [] : [{ name: 'attached', kind: 'Seccomp', reference }];
  },
  seccompProfile: (name) => ({ localhostProfile: known.files.get(name) }),
};
const contextFor = (objects: readonly BindingObject[]): BindingContext =>
  contextOf(objects.map(readBindingObject), state);

const container = (name: string) =>
  fc.record({
    name: fc.constant(name),
    image: fc.constantFrom(...images),
    ...{ securityContext: fc.constantFrom<Json>({}, {}, {}, { seccompProfile: { type: 'RuntimeDefault' } }) },
  });
const pods = fc
  .record({
    labels: fc.constantFrom<Record<string, string>>({ app: 'x' }, { app: 'x', tier: 'y' }, { tier: 'y' }),
    init: fc.option(container('i0')),
    containers: fc.tuple(container('c0'), container('c1')),
    own: fc.constantFrom<Json>({}, {}, {}, { seccompProfile: { type: 'RuntimeDefault' } }),
  })
  .map(({ labels, init, containers, own }) => ({
    metadata: { labels },
    spec: { securityContext: own, initContainers: init === null ? [] : [init], containers: [...containers] },
  }));

interface Place {
  readonly is: Expected;
  readonly before: Json;
  readonly after: (pod: Json) => Json;
}

/** Returns the places of a pod, with what the oracle expects of them. */
function placesOf(
  pod: { metadata: { labels: Record<string, string> }; spec: object },
  objects: BindingObject[],
): Place[] {
  const spec = pod.spec as unknown as Json;
  const { labels } = pod.metadata;
  const ofPod: Place = {
    is: expectedDecision(objects, { labels, namespaceLabels }, known),
    before: spec,
    after: (changed) => changed['spec'] as Json,
  };
  const ofContainers = ['initContainers', 'containers'].flatMap((list) =>
    (spec[list] as Json[]).map((each, index): Place => {
      const { name, image } = each as unknown as { name: string; image: string };
      return {
        is: expectedDecision(objects, { labels, namespaceLabels, name, image }, known),
        before: each,
        after: (changed) => ((changed['spec'] as Json)[list] as Json[])[index] as Json,
      };
    }),
  );
  return [ofPod, ...ofContainers];
}

const profileAt = (place: Json) =>
  (place['securityContext'] as Json | undefined)?.['seccompProfile'] as Json | undefined;

describe('bindings of all kinds', () => {
  it('decide as the table of precedence says, whatever their order', () => {
    const seen = { bound: 0, refused: 0, untouched: 0, conflict: 0, temporary: 0, different: 0 };
    fc.assert(
      fc.property(pods, arbitraryBindingObjects, fc.nat(), (pod, objects, rotation) => {
        const outcome = bindPod(parsePod(pod), contextFor(objects));
        seen[outcome.outcome]++;
        const at = rotation % Math.max(objects.length, 1);
        const reordered = [...objects.slice(at), ...objects.slice(0, at)].reverse();
        assert.deepEqual(bindPod(parsePod(pod), contextFor(reordered)), outcome);

        const places = placesOf(pod, objects);
        const conflicts = places.flatMap(({ is }) => (is.is === 'conflict' ? [is] : []));
        if (conflicts.length > 0) {
          assert.equal(outcome.outcome, 'refused');
          assert.match(outcome.reason, /disagree/);
          for (const { between } of conflicts) {
            const named = between.filter((name) => outcome.reason.includes(JSON.stringify(name)));
            assert.ok(named.length >= 2, `${outcome.reason} names two of ${between}`);
          }
          seen.conflict++;
          return;
        }
        if (places.some(({ is }) => is.is === 'unknown')) {
          assert.equal(outcome.outcome, 'refused');
          if (outcome.isTemporary) seen.temporary++;
          return;
        }
        if (places.every(({ is }) => is.is === 'unbound')) {
          assert.equal(outcome.outcome, 'untouched');
          return;
        }
        if (outcome.outcome === 'refused') {
          // What was asked for cannot be combined with one of the profiles.
          assert.match(outcome.reason, /asks for RuntimeDefault/);
          return;
        }
        assert.equal(outcome.outcome, 'bound');
        const after = applyPatch(pod as unknown as Json, outcome.patch);
        const profiles = new Set(places.map((place) => boundAs(place, after, profileAt(pod.spec))));
        if (profiles.size > 1) seen.different++;
        const again = bindPod(parsePod(after), contextFor(objects));
        assert.deepEqual(again, { ...outcome, patch: [] });
        assert.equal(checkPod(parsePod(after), contextFor(reordered)).outcome, 'untouched');
      }),
      { numRuns: 5000 },
    );
    for (const [outcome, count] of Object.entries(seen)) assert.ok(count > 50, `${outcome} was hardly tried: ${count}`);
  });

  it('are ranked by a total preorder', () => {
    const ranks = fc.tuple(fc.nat(1), fc.nat(6), fc.nat(1), fc.nat(1)) as fc.Arbitrary<Specificity>;
    const text = (rank: Specificity) => rank.join('');
    fc.assert(
      fc.property(ranks, ranks, (a, b) => {
        assert.equal(Math.sign(compareSpecificity(a, b)), text(a) < text(b) ? -1 : text(a) > text(b) ? 1 : 0);
      }),
    );
  });
});

/** Verifies that a place names the expected profile, no looser, and returns it. */
function boundAs({ is, before, after }: Place, pod: Json, ofPod: Json | undefined): string {
  const found = profileAt(after(pod));
  if (is.is !== 'profile') {
    assert.deepEqual(found, profileAt(before));
    return 'as it was';
  }
  const name = found?.['localhostProfile'];
  assert.ok(typeof name === 'string' && found?.['type'] === 'Localhost');
  const asked = profileAt(before) ?? ofPod;
  const withDefault = is.profile.includes('?')
    ? is.profile.replace('?mode', '?base=RuntimeDefault&mode')
    : `${is.profile}?base=RuntimeDefault`;
  if (asked === undefined || is.profile.includes('base=RuntimeDefault')) assert.equal(name, is.profile);
  else assert.equal(name, withDefault);
  return is.profile;
}
