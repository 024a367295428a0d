import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { ArtifactBinding } from './artifact-binding.ts';
import { bindPod } from './bind.ts';
import type { PatchOperation } from './json-patch.ts';
import { parsePod } from './pod.ts';

interface Json {
  [key: string]: Json | string | boolean | (Json | string)[];
}

/** Applies the two operations that a binding makes, strictly: a path must lead somewhere. */
function apply(document: Json, patch: readonly PatchOperation[]): Json {
  const result = structuredClone(document);
  for (const operation of patch) {
    const segments = operation.path
      .slice(1)
      .split('/')
      .map((s) => s.replaceAll('~1', '/').replaceAll('~0', '~'));
    const last = segments.pop() as string;
    let parent = result;
    for (const segment of segments) {
      assert.ok(Object.hasOwn(parent, segment), `${operation.path} leads nowhere`);
      parent = parent[segment] as Json;
    }
    if (operation.op === 'add') parent[last] = structuredClone(operation.value) as Json;
    else {
      assert.ok(Object.hasOwn(parent, last), `${operation.path} removes nothing`);
      delete parent[last];
    }
  }
  return result;
}

const references = ['a', 'b'].map((c) => `registry.example.com:5000/security/nginx@sha256:${c.repeat(64)}`) as [
  string,
  string,
];

const optional = <T>(name: string, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<object> =>
  fc.option(arbitrary).map((value) => (value === null ? {} : { [name]: value }));
const merged = (...parts: fc.Arbitrary<object>[]): fc.Arbitrary<object> =>
  fc.tuple(...parts).map((objects) => Object.assign({}, ...objects));

const seccompProfile = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ type: 'RuntimeDefault' }) },
  fc.constant({ type: 'Unconfined' }),
  fc.constantFrom('profiles/mine.json', `oci/${references[0]}`, `oci/${references[1]}`).map((localhostProfile) => ({
    type: 'Localhost',
    localhostProfile,
  })),
);
const securityContext = merged(optional('seccompProfile', seccompProfile), optional('runAsUser', fc.constant('1')));
const containers = (prefix: string) =>
  fc
    .array(merged(optional('securityContext', securityContext)), { maxLength: 3 })
    .map((list) => list.map((container, i) => ({ name: `${prefix}${i}`, ...container })));
const annotations = merged(
  ...['pod', 'c0', 'i0'].map((where) =>
    optional(
      where === 'pod'
        ? 'seccomp.security.alpha.kubernetes.io/pod'
        : `container.seccomp.security.alpha.kubernetes.io/${where}`,
      fc.constantFrom('runtime/default', 'unconfined', `localhost/oci/${references[0]}`),
    ),
  ),
  optional('a~b/c', fc.string()),
);
const pods = fc.record({
  metadata: merged(
    optional('labels', fc.dictionary(fc.constantFrom('app', 'tier', 'constructor'), fc.constantFrom('x', 'y'))),
    fc.oneof(
      { weight: 3, arbitrary: fc.constant({}) },
      annotations.map((value) => ({ annotations: value })),
    ),
  ),
  spec: merged(
    optional('securityContext', securityContext),
    optional('initContainers', containers('i')),
    containers('c').map((value) => ({ containers: value })),
  ),
}) as unknown as fc.Arbitrary<Json>;
const bindings: fc.Arbitrary<ArtifactBinding[]> = fc
  .array(
    fc.record({
      reference: fc.oneof({ weight: 5, arbitrary: fc.constant(references[0]) }, fc.constant(references[1])),
      matchLabels: fc.dictionary(fc.constantFrom('app', 'constructor'), fc.constantFrom('x', 'y'), { maxKeys: 1 }),
    }),
    { maxLength: 3 },
  )
  .map((list) =>
    list.map(({ reference, matchLabels }, i) => ({
      name: `b${i}`,
      reference,
      podSelector: { matchLabels: new Map(Object.entries(matchLabels)) },
    })),
  );

describe('bindPod', () => {
  it('leaves every place of a bound pod with the one profile, and a second call changes nothing', () => {
    const seen = { bound: 0, refused: 0, untouched: 0 };
    fc.assert(
      fc.property(pods, bindings, (pod, list) => {
        const outcome = bindPod(parsePod(pod), list);
        seen[outcome.outcome]++;
        if (outcome.outcome !== 'bound') return;

        const after = apply(pod, outcome.patch);
        const { spec, metadata } = after as { spec: Json; metadata: Json };
        const places = [spec, ...((spec['initContainers'] ?? []) as Json[]), ...(spec['containers'] as Json[])];
        for (const place of places) {
          const { seccompProfile: found } = place['securityContext'] as Json;
          assert.deepEqual(found, { type: 'Localhost', localhostProfile: outcome.localhostProfile });
        }
        // The API server takes an annotation for the field where the pod has none, and refuses the two when they differ.
        const annotations = (metadata['annotations'] ?? {}) as Json;
        const before = parsePod(pod).spec;
        const unset: [string, unknown][] = [
          ['seccomp.security.alpha.kubernetes.io/pod', before.securityContext?.seccompProfile],
          ...[...(before.initContainers ?? []), ...before.containers].map(
            ({ name, securityContext }): [string, unknown] => [
              `container.seccomp.security.alpha.kubernetes.io/${name}`,
              securityContext?.seccompProfile,
            ],
          ),
        ];
        for (const [key, field] of unset) {
          const left = annotations[key];
          if (field === undefined && left !== undefined) assert.equal(left, `localhost/${outcome.localhostProfile}`);
        }
        const again = bindPod(parsePod(after), list);
        assert.deepEqual(again, { ...outcome, patch: [] });
      }),
      { numRuns: 2000 },
    );
    for (const [outcome, count] of Object.entries(seen)) assert.ok(count > 50, `${outcome} was hardly tried: ${count}`);
  });
});
