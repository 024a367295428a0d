import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import type { ProfileParameters } from '#lib/node/reference/localhost-profile';
import { artifactBindingSchema } from '../api/artifactbinding/v1alpha1.ts';
import { clusterArtifactBindingSchema } from '../api/clusterartifactbinding/v1alpha1.ts';
import { describeIssue } from '../api/describe-issue.ts';
import { profileBindingSchema } from '../api/profilebinding/v1.ts';
import { parseImageName } from '../api/shared/image-name.ts';
import { type ImagePattern, parseImagePattern } from '../api/shared/image-pattern.ts';
import type { Binding, BindingKind, ProfileSource } from './binding.ts';

const metadata = v.object({ name: v.string() });
const artifactBinding = v.object({ metadata, spec: artifactBindingSchema.entries.spec });
const clusterArtifactBinding = v.object({ metadata, spec: clusterArtifactBindingSchema.entries.spec });
const profileBinding = v.object({ metadata, spec: profileBindingSchema.entries.spec });
/** What decides on whether the rest matters. */
const profileKind = v.object({ spec: v.object({ profileRef: v.object({ kind: v.string() }) }) });

type ArtifactBindingSpec =
  | v.InferOutput<typeof artifactBinding>['spec']
  | v.InferOutput<typeof clusterArtifactBinding>['spec'];

/**
 * Reads an ArtifactBinding. The API server and the webhook have checked it by the same schema; it
 * is checked again because both in the cluster may be older or edited ones. Throws InvalidInput
 * that names the field.
 */
export function readArtifactBinding(object: unknown): Binding {
  const { metadata, spec } = read('ArtifactBinding', artifactBinding, object);
  return { kind: 'ArtifactBinding', name: metadata.name, ...common(spec) };
}

/** Reads a ClusterArtifactBinding, as {@link readArtifactBinding} does. */
export function readClusterArtifactBinding(object: unknown): Binding {
  const { metadata, spec } = read('ClusterArtifactBinding', clusterArtifactBinding, object);
  const { matchLabels = {}, matchExpressions = [] } = spec.namespaceSelector;
  const selectsAll = Object.keys(matchLabels).length === 0 && matchExpressions.length === 0;
  return {
    kind: 'ClusterArtifactBinding',
    name: metadata.name,
    namespaceSelector: selectsAll ? undefined : spec.namespaceSelector,
    ...common(spec),
  };
}

/** Reads an ArtifactBinding or a ClusterArtifactBinding, by the kind that the object has. */
export function readBindingOfEitherKind(object: unknown): Binding {
  const isOfCluster = v.is(v.object({ kind: v.literal('ClusterArtifactBinding') }), object);
  return isOfCluster ? readClusterArtifactBinding(object) : readArtifactBinding(object);
}

/**
 * Reads a ProfileBinding v1, as {@link readArtifactBinding} does. Returns undefined for a kind of
 * profile that is not applied to pods.
 */
export function readProfileBinding(object: unknown): Binding | undefined {
  const kind = v.safeParse(profileKind, object);
  if (kind.success && kind.output.spec.profileRef.kind !== 'SeccompProfile') return undefined;
  const { metadata, spec } = read('ProfileBinding', profileBinding, object);
  return {
    kind: 'ProfileBinding',
    name: metadata.name,
    podSelector: spec.podSelector ?? {},
    images: spec.image === '*' ? 'default' : exactly(spec.image),
    source: { from: 'seccompProfile', name: spec.profileRef.name },
    parameters: {},
  };
}

/**
 * Returns the pattern that matches one image, under whichever of its names; none for a text that is
 * not the name of an image.
 */
function exactly(image: string): readonly ImagePattern[] {
  const name = parseImageName(image);
  if (name === undefined) return [];
  const { repository, tag, digest } = name;
  return [{ repository, ...(digest === undefined ? tag !== undefined && { tag } : { digest }) }];
}

function common(spec: ArtifactBindingSpec): Omit<Binding, 'kind' | 'name'> {
  const { podSelector, images, containers } = spec;
  return {
    podSelector,
    ...(images !== undefined && { images: images.map(parseImagePattern) }),
    ...(containers !== undefined && { containers }),
    source: sourceOf(spec),
    parameters: parametersOf(spec),
  };
}

function sourceOf({ reference, artifactRef }: ArtifactBindingSpec): ProfileSource {
  if (reference !== undefined) return { from: 'reference', reference };
  return artifactRef === undefined ? { from: 'image' } : { from: 'artifact', ...artifactRef };
}

function parametersOf({ base, mode }: ArtifactBindingSpec): ProfileParameters {
  return {
    ...(base !== undefined && { base: base === 'RuntimeDefault' ? base : { localhost: base } }),
    ...(mode === 'Log' && { mode }),
  };
}

function read<T extends v.GenericSchema>(kind: BindingKind, schema: T, object: unknown): v.InferOutput<T> {
  const parsed = v.safeParse(schema, object);
  if (parsed.success) return parsed.output;
  const named = v.safeParse(v.object({ metadata }), object);
  const name = named.success ? JSON.stringify(named.output.metadata.name) : 'without a name';
  const waits = kind === 'ClusterArtifactBinding' ? 'no pod' : 'no pod of its namespace';
  throw new FairleadError('InvalidInput', `${kind} ${name}: ${describeIssue(parsed.issues[0], 'the binding')}`, {
    hint:
      `Correct the binding, or delete it: ${waits} is admitted until then. The CRD and the webhooks of this version of ` +
      'Fairlead (deploy/operator) refuse such a binding.',
  });
}
