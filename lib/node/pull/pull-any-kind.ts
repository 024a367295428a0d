import { profileMediaTypes } from '#lib/artifact/artifact';
import { fetchProfileManifest, type ProfileManifest } from '#lib/artifact/fetch-artifact';
import type { RuntimeKind } from '#lib/profile/profile';
import type { Descriptor } from '#lib/registry/descriptor';
import { resolveManifest, withManifest } from '#lib/registry/one-request';
import type { PinnedReference } from '#lib/registry/pinned-reference';
import { type Reference, tagOrDigestOf } from '#lib/registry/reference';
import type { ReadTarget } from '#lib/registry/target';
import { authorize, decide, type RepositoryName } from '#lib/trust/policy/authorize';
import type { TrustPolicy } from '#lib/trust/policy/policy';
import type { PullDependencies } from './pull-dependencies.ts';
import { pullProfile } from './pull-profile.ts';
import type { PulledProfile } from './pulled-profile.ts';

const runtimeKinds = Object.keys(profileMediaTypes) as RuntimeKind[];

/** What pullAnyKind works with. */
export type AnyKindDependencies = Pick<
  PullDependencies,
  'policy' | 'connect' | 'signal' | 'memory' | 'turns' | 'decisions'
>;

/** A manifest that was resolved once, and states that it is that of a profile. */
export interface ResolvedProfile extends ProfileManifest {
  readonly descriptor: Descriptor;
  /** The source, which does not request the manifest again. */
  readonly source: ReadTarget;
}

/**
 * Pulls a profile, of whichever kind its manifest states. The tag is resolved once, and what was
 * resolved is pulled by its digest, as pullProfile pulls it, with the policy's rule for that kind.
 * If the policy allows no kind from this repository, nothing is requested. Throws as pullProfile
 * does.
 */
export async function pullAnyKind(reference: Reference, dependencies: AnyKindDependencies): Promise<PulledProfile> {
  const { policy, connect, signal } = dependencies;
  authorizeAnyKind(policy, reference);
  const resolved = await resolveProfileManifest(await connect(reference), tagOrDigestOf(reference), { signal });
  const digest = reference.digest ?? resolved.descriptor.digest;
  return pullResolved({ ...reference, digest }, resolved, dependencies);
}

/** Pulls a profile whose manifest was resolved. Throws as pullProfile does. */
export async function pullResolved(
  reference: PinnedReference,
  { kind, source }: ResolvedProfile,
  dependencies: AnyKindDependencies,
): Promise<PulledProfile> {
  return pullProfile({ reference, kind }, { ...dependencies, connect: () => source });
}

/**
 * Resolves a tag or digest to the manifest of a profile. Throws as fetchProfileManifest does, and
 * NotFound.
 */
export async function resolveProfileManifest(
  source: ReadTarget,
  tagOrDigest: string,
  { signal }: { readonly signal?: AbortSignal | undefined },
): Promise<ResolvedProfile> {
  const resolved = await resolveManifest(source, tagOrDigest, signal === undefined ? {} : { signal });
  const { descriptor } = resolved;
  const manifest = await fetchProfileManifest(withManifest(source, resolved), descriptor, { signal });
  return {
    ...manifest,
    descriptor,
    source: withManifest(source, { descriptor, bytes: manifest.manifestBytes }),
  };
}

/**
 * Asks the policy whether it allows profiles of any kind from a repository, before anything is
 * requested. Throws NotAllowed.
 */
export function authorizeAnyKind(policy: TrustPolicy, reference: RepositoryName): void {
  if (!allowsAnyKind(policy, reference)) authorize(policy, reference);
}

/** Returns whether the policy allows profiles of any kind from a repository. */
export function allowsAnyKind(policy: TrustPolicy, reference: RepositoryName): boolean {
  return runtimeKinds.some((kind) => decide(policy, reference, kind).rule !== undefined);
}
