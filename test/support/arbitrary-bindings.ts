import fc from 'fast-check';
import type { Binding } from '#operator/bind/binding';
import { readArtifactBinding, readClusterArtifactBinding, readProfileBinding } from '#operator/bind/read-binding';
import type { BindingObject, KnownProfiles } from '#test/oracle/binding-precedence';
import { references } from './arbitrary-pods.ts';

const digest = `sha256:${'d1'.repeat(32)}`;

/** Images as pods name them. */
export const images = [
  'nginx',
  'nginx:1.27',
  'docker.io/library/nginx:1.27',
  'acme/web:2',
  `ghcr.io/acme/app@${digest}`,
  `ghcr.io/acme/app:1@${digest}`,
  `ghcr.io/acme/other@${digest}`,
  'localhost:5000/acme/app:1.2',
] as const;

const patterns = [
  'docker.io/library/nginx',
  'docker.io/library/nginx:1.*',
  'docker.io/library/nginx:1.27',
  'docker.io/library/*',
  `ghcr.io/acme/app@${digest}`,
  'ghcr.io/acme/app',
  'ghcr.io/acme/*:1',
  'ghcr.io/**',
  'localhost:5000/acme/app:*',
  '**',
] as const;

/** The objects that bindings refer to. Everything else that they name is not known. */
export const known: KnownProfiles = {
  artifacts: new Map([
    ['ProfileArtifact/held', references[0]],
    ['ClusterProfileArtifact/held', references[1]],
  ]),
  images: new Map([
    [`ProfileArtifact/ghcr.io/acme/app@${digest}`, references[0]],
    [`ClusterProfileArtifact/ghcr.io/acme/app@${digest}`, references[0]],
  ]),
  files: new Map([['installed', 'operator/installed.json']]),
};

/** Mostly one of them, so that bindings often agree. */
const reference = fc.oneof({ weight: 5, arbitrary: fc.constant(references[0]) }, fc.constant(references[1]));

type BindingSpec = BindingObject['spec'];

const sources = fc.oneof(
  { weight: 8, arbitrary: reference.map((reference): BindingSpec => ({ reference })) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom('ProfileArtifact', 'ClusterProfileArtifact'), fc.constantFrom('held', 'held', 'missing'))
      .map(([kind, name]): BindingSpec => ({ artifactRef: { kind, name } })),
  },
  fc.constant<BindingSpec>({ profileFrom: 'ImageReferrers' }),
);

const labels = fc.constantFrom<Record<string, string>>({}, { app: 'x' }, { app: 'x' }, { tier: 'y' });
const maybe = <T>(arbitrary: fc.Arbitrary<T>, freq = 2) => fc.option(arbitrary, { nil: undefined, freq });
const defined = (object: BindingSpec | object): BindingSpec =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));

const artifactBinding = fc
  .record({
    kind: fc.constantFrom('ArtifactBinding' as const, 'ClusterArtifactBinding' as const),
    podLabels: labels,
    namespaceLabels: fc.constantFrom<Record<string, string>>({}, { team: 'web' }, { team: 'db' }),
    images: maybe(fc.uniqueArray(fc.constantFrom(...patterns), { minLength: 1, maxLength: 2 }), 1),
    containers: maybe(fc.uniqueArray(fc.constantFrom('c0', 'i0', 'e0'), { minLength: 1, maxLength: 2 }), 1),
    source: sources,
    base: maybe(fc.constantFrom('RuntimeDefault', 'base.json'), 1),
    mode: maybe(fc.constant('Log'), 1),
  })
  .map(({ kind, podLabels, namespaceLabels, images, containers, source, base, mode }) => {
    const isCluster = kind === 'ClusterArtifactBinding';
    const { artifactRef } = source;
    const own =
      isCluster && artifactRef !== undefined
        ? { artifactRef: { ...artifactRef, kind: 'ClusterProfileArtifact' } }
        : source;
    const spec = {
      podSelector: { matchLabels: podLabels },
      ...(isCluster && { namespaceSelector: { matchLabels: namespaceLabels } }),
      ...defined({ images, containers, base, mode }),
      ...own,
    };
    return { kind, spec };
  });

const profileBinding = fc
  .record({
    image: fc.constantFrom('*', ...images),
    name: fc.constantFrom('installed', 'installed', 'pending'),
    podLabels: maybe(labels),
  })
  .map(({ image, name, podLabels }) => ({
    kind: 'ProfileBinding' as const,
    spec: {
      image,
      profileRef: { kind: 'SeccompProfile', name },
      ...(podLabels !== undefined && { podSelector: { matchLabels: podLabels } }),
    },
  }));

/** Bindings of all kinds, as users write them. */
export const arbitraryBindingObjects: fc.Arbitrary<BindingObject[]> = fc
  .array(fc.oneof({ weight: 4, arbitrary: artifactBinding }, profileBinding), { maxLength: 4 })
  .map((list) => list.map((object, index) => ({ ...object, metadata: { name: `b${index}` } })));

/** Reads an object as the operator does. */
export function readBindingObject(object: BindingObject): Binding {
  if (object.kind === 'ArtifactBinding') return readArtifactBinding(object);
  if (object.kind === 'ClusterArtifactBinding') return readClusterArtifactBinding(object);
  const binding = readProfileBinding(object);
  if (binding === undefined) throw new Error('the binding is of another kind');
  return binding;
}
