import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Binding } from '#operator/bind/binding';
import type { PatchOperation } from '#operator/bind/json-patch';

export interface Json {
  [key: string]: Json | string | boolean | undefined | (Json | string)[];
}

/** Applies the two operations that a binding makes, strictly: a path must lead somewhere. */
export function applyPatch(document: Json, patch: readonly PatchOperation[]): Json {
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

/** Two artifacts that bindings and pods name. */
export const references = ['a', 'b'].map(
  (c) => `registry.example.com:5000/security/nginx-${c}@sha256:${c.repeat(64)}`,
) as [string, string];

const optional = <T>(name: string, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<object> =>
  fc.option(arbitrary).map((value) => (value === null ? {} : { [name]: value }));
const merged = (...parts: fc.Arbitrary<object>[]): fc.Arbitrary<object> =>
  fc.tuple(...parts).map((objects) => Object.assign({}, ...objects));

const seccompProfile = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ type: 'RuntimeDefault' }) },
  fc.constant({ type: 'Unconfined' }),
  fc
    .constantFrom(
      'profiles/mine.json',
      ...references.flatMap((reference) => [
        `oci/${reference}`,
        `oci/${reference}`,
        `oci/${reference}?base=RuntimeDefault`,
        `oci/${reference}?base=localhost/base.json`,
      ]),
    )
    .map((localhostProfile) => ({ type: 'Localhost', localhostProfile })),
  fc.record({ type: fc.constant('OCI'), oci: fc.record({ ref: fc.constantFrom(...references) }) }),
);
const securityContext = (privileged: boolean) =>
  merged(
    optional('seccompProfile', seccompProfile),
    optional('runAsUser', fc.constant('1')),
    ...(privileged
      ? [optional('privileged', fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.constant(true)))]
      : []),
  );

/** Containers of one list, named by a prefix and their index. */
export const arbitraryContainers = (prefix: string, maxLength = 3): fc.Arbitrary<Json[]> =>
  fc
    .array(merged(optional('securityContext', securityContext(true))), { maxLength })
    .map((list) => list.map((container, i) => ({ name: `${prefix}${i}`, ...container })));

const annotations = merged(
  ...['pod', 'c0', 'i0', 'e0'].map((where) =>
    optional(
      where === 'pod'
        ? 'seccomp.security.alpha.kubernetes.io/pod'
        : `container.seccomp.security.alpha.kubernetes.io/${where}`,
      fc.constantFrom('runtime/default', 'unconfined', `localhost/oci/${references[0]}`),
    ),
  ),
  optional('a~b/c', fc.string()),
);
const labels = fc.dictionary(fc.constantFrom('app', 'tier', 'constructor'), fc.constantFrom('x', 'y'));

export const arbitraryMetadata: fc.Arbitrary<Json> = merged(
  optional('labels', labels),
  fc.oneof(
    { weight: 3, arbitrary: fc.constant({}) },
    annotations.map((value) => ({ annotations: value })),
  ),
) as fc.Arbitrary<Json>;

const os = fc.oneof(
  { weight: 8, arbitrary: fc.constant({}) },
  fc.constantFrom('windows', 'linux').map((name) => ({ os: { name } })),
);
const nodeSelector = fc.oneof(
  { weight: 8, arbitrary: fc.constant({}) },
  fc.constantFrom('windows', 'linux').map((name) => ({ nodeSelector: { 'kubernetes.io/os': name } })),
);

/** Pods as tenants may write them. */
export const arbitraryPods: fc.Arbitrary<Json> = fc.record({
  metadata: arbitraryMetadata,
  spec: merged(
    optional('securityContext', securityContext(false)),
    optional('initContainers', arbitraryContainers('i')),
    arbitraryContainers('c').map((value) => ({ containers: value })),
    os,
    nodeSelector,
  ) as fc.Arbitrary<Json>,
});

/** Bindings of a namespace, most of which agree; a third of them select every pod. */
export const arbitraryBindings: fc.Arbitrary<Binding[]> = fc
  .tuple(
    fc.option(fc.constantFrom('RuntimeDefault', 'base.json'), { nil: undefined }),
    fc.array(
      fc.record({
        reference: fc.oneof({ weight: 8, arbitrary: fc.constant(references[0]) }, fc.constant(references[1])),
        matchLabels: fc.dictionary(fc.constantFrom('app', 'constructor'), fc.constantFrom('x', 'y'), { maxKeys: 1 }),
      }),
      { maxLength: 3 },
    ),
  )
  .map(([base, list]) =>
    list.map(({ reference, matchLabels }, i) => ({
      kind: 'ArtifactBinding' as const,
      name: `b${i}`,
      podSelector: { matchLabels },
      source: { from: 'reference' as const, reference },
      parameters:
        base === undefined
          ? {}
          : { base: base === 'RuntimeDefault' ? ('RuntimeDefault' as const) : { localhost: base } },
    })),
  );
