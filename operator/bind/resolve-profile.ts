import { quote } from '../../lib/text/quote.ts';
import { formatImageName, type ImageName } from '../api/shared/image-name.ts';
import { type ArtifactKind, type Binding, titleOf } from './binding.ts';
import type { BoundProfile } from './bound-profile.ts';
import type { ClusterState, HeldArtifact } from './cluster-state.ts';

/** Why the profile of a binding is not known. */
export interface Unresolved {
  readonly problem: string;
  /** The problem in a few words, for lists; it is short itself by default. */
  readonly brief?: string;
  readonly hint: string;
  /** The artifact that was in force last, if the trust policy no longer allows it. */
  readonly withdrawn?: string;
  /** Set if it may be known soon, without a change of the pod or the binding. */
  readonly isTemporary: boolean;
}

/** The profile of a binding for a container. */
export type Resolution = { readonly profile: BoundProfile } | Unresolved;

/** What a profile is resolved with. */
export interface ResolvingContext {
  readonly namespace: string;
  readonly cluster: ClusterState;
}

const retryIfAllowed =
  'Let the TrustPolicy allow it again, or publish one that it allows; Deployments, Jobs and other controllers retry by themselves.';
const retry = 'Retry in 10 seconds; Deployments, Jobs and other controllers retry by themselves.';

/** Where no agent installs profiles, retrying does not help. */
const retryWithoutAgent =
  'Deployments, Jobs and other controllers retry by themselves until nodes report it. This version of Fairlead installs no ' +
  'profiles: bind an artifact with an ArtifactBinding in its place, or delete the binding.';

/**
 * Returns the profile of a binding for a container of an image, from what is known of the cluster.
 * No registry is asked: what is not verified yet is a temporary problem.
 */
export function resolveProfile(
  binding: Binding,
  image: ImageName | undefined,
  { namespace, cluster }: ResolvingContext,
): Resolution {
  const { source, parameters } = binding;
  switch (source.from) {
    case 'reference':
      return { profile: { artifact: { ...parameters, reference: source.reference } } };
    case 'artifact': {
      const { kind, name } = source;
      const title = `${kind} ${quote(kind === 'ProfileArtifact' ? `${namespace}/${name}` : name)}`;
      const held = cluster.artifact(kind, namespace, name);
      if (held !== undefined) return profileOfHeld(binding, title, held);
      const problem = `${titleOf(binding)} takes its profile from ${title}, which does not exist`;
      const hint = 'Create it, or change artifactRef of the binding.';
      return { problem, brief: `${title} does not exist`, hint, isTemporary: true };
    }
    case 'image':
      return profileOfImage(binding, image, { namespace, cluster });
    case 'seccompProfile': {
      const held = cluster.seccompProfile(source.name);
      const title = `SeccompProfile ${quote(source.name)}`;
      if (held?.localhostProfile !== undefined) return { profile: { file: held.localhostProfile } };
      if (held !== undefined) {
        const unresolved = notReady(binding, `${title} is not installed on the nodes yet`, held.problem);
        return { ...unresolved, hint: retryWithoutAgent };
      }
      const problem = `${titleOf(binding)} takes its profile from ${title}, which does not exist`;
      const hint = 'Create it, or change profileRef of the binding.';
      return { problem, brief: `${title} does not exist`, hint, isTemporary: true };
    }
  }
}

function profileOfImage(
  binding: Binding,
  image: ImageName | undefined,
  { namespace, cluster }: ResolvingContext,
): Resolution {
  const takes = `${titleOf(binding)} takes the profile from the image`;
  if (image?.digest === undefined) {
    const name = image === undefined ? 'REGISTRY/REPOSITORY:TAG' : formatImageName(image);
    const named = image === undefined ? 'which has no valid name' : `and ${name} is named by its tag`;
    return {
      problem: `${takes}, ${named}`,
      hint: `Name the image by its digest, which \`crane digest ${name}\` prints: IMAGE@sha256:….`,
      isTemporary: false,
    };
  }
  const kind = binding.kind === 'ClusterArtifactBinding' ? 'ClusterProfileArtifact' : 'ProfileArtifact';
  const name = `${image.repository}@${image.digest}`;
  const held = cluster.imageArtifacts(kind, namespace, name).filter((each) => each.kind === 'Seccomp');
  const inForce = held.filter(({ reference }) => reference !== undefined);
  const [first] = inForce.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const other = inForce.find(({ reference }) => reference !== first?.reference);
  if (first !== undefined && other !== undefined) {
    return {
      problem: `${takes} ${name}, and ${kind}s disagree on what is attached to it: ${quote(first.name)} holds ${first.reference}, ${quote(other.name)} holds ${other.reference}`,
      hint: 'Delete one of them, or wait until both have checked the registry again.',
      isTemporary: true,
    };
  }
  if (first?.reference !== undefined) {
    return { profile: { artifact: { ...binding.parameters, reference: first.reference } } };
  }
  const withdrawn = held.find((each) => each.withdrawn !== undefined);
  if (withdrawn !== undefined) return noLongerAllowed(binding, `${kind} ${quote(withdrawn.name)}`, withdrawn);
  const problem = held.map((each) => each.problem).find((each) => each !== undefined);
  const unresolved = notReady(binding, `no verified profile is known for the image ${name} yet`, problem);
  return held.length > 0 ? unresolved : { ...unresolved, hint: hintToFollow(kind, name, namespace) };
}

/**
 * Returns what to do if nothing follows the profile of an image. The operator follows the images of
 * what creates pods: a pod that was refused is stored nowhere, and naming one must not make the
 * operator send requests.
 */
function hintToFollow(kind: ArtifactKind, image: string, namespace: string): string {
  const place = kind === 'ProfileArtifact' ? ` in the namespace ${namespace}` : '';
  return (
    'Retry in 10 seconds if a ReplicaSet, StatefulSet, DaemonSet, Job or ReplicationController names this image: its ' +
    'profile is looked up then, and these retry by themselves. For a pod that none of them creates, create a ' +
    `${kind} with spec.image: ${image}${place}.`
  );
}

function profileOfHeld(binding: Binding, title: string, held: HeldArtifact): Resolution {
  const { kind, reference, problem } = held;
  if (kind !== 'Seccomp') {
    return {
      problem: `${titleOf(binding)} takes its profile from ${title}, which holds a profile of the kind ${kind}`,
      hint: 'Only Seccomp profiles can be bound.',
      isTemporary: false,
    };
  }
  if (reference === undefined) {
    if (held.withdrawn !== undefined) return noLongerAllowed(binding, title, held);
    return notReady(binding, `${title} is not verified yet`, problem);
  }
  return { profile: { artifact: { ...binding.parameters, reference } } };
}

function notReady(binding: Binding, what: string, problem: string | undefined): Unresolved {
  const because = problem === undefined ? '' : `: ${problem.replace(/\.$/, '')}`;
  return { problem: `${titleOf(binding)}: ${what}${because}`, brief: what, hint: retry, isTemporary: true };
}

function noLongerAllowed(binding: Binding, title: string, { withdrawn = '', problem }: HeldArtifact): Unresolved {
  const what = `the trust policy no longer allows the artifact of ${title}`;
  return { ...notReady(binding, what, problem), hint: retryIfAllowed, withdrawn };
}
