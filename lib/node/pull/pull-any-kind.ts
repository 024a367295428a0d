import { profileMediaTypes } from '#lib/artifact/artifact';
import { fetchProfileManifest } from '#lib/artifact/fetch-artifact';
import type { RuntimeKind } from '#lib/profile/profile';
import { resolveManifest, withManifest } from '#lib/registry/one-request';
import { type Reference, tagOrDigestOf } from '#lib/registry/reference';
import { authorize, decide, type RepositoryName } from '#lib/trust/policy/authorize';
import type { TrustPolicy } from '#lib/trust/policy/policy';
import type { PullDependencies } from './pull-dependencies.ts';
import { pullProfile } from './pull-profile.ts';
import type { PulledProfile } from './pulled-profile.ts';

const runtimeKinds = Object.keys(profileMediaTypes) as RuntimeKind[];

/**
 * Pulls a profile, of whichever kind its manifest states. The tag is resolved once, and what was
 * resolved is pulled by its digest, as pullProfile pulls it, with the policy's rule for that kind.
 * If the policy allows no kind from this repository, nothing is requested. Throws as pullProfile
 * does.
 */
export async function pullAnyKind(
  reference: Reference,
  dependencies: Pick<PullDependencies, 'policy' | 'connect' | 'signal'>,
): Promise<PulledProfile> {
  const { policy, connect, signal } = dependencies;
  authorizeAnyKind(policy, reference);
  const source = await connect(reference);
  const { descriptor, bytes } = await resolveManifest(
    source,
    tagOrDigestOf(reference),
    signal === undefined ? {} : { signal },
  );
  const resolved = withManifest(source, { descriptor, ...(bytes && { bytes }) });
  const { kind, manifestBytes } = await fetchProfileManifest(resolved, descriptor, { signal });
  const known = withManifest(source, { descriptor, bytes: manifestBytes });
  const pinned = { ...reference, digest: reference.digest ?? descriptor.digest };
  return pullProfile({ reference: pinned, kind }, { ...dependencies, connect: () => known });
}

/**
 * Asks the policy whether it allows profiles of any kind from a repository, before anything is
 * requested. Throws NotAllowed.
 */
export function authorizeAnyKind(policy: TrustPolicy, reference: RepositoryName): void {
  if (runtimeKinds.some((kind) => decide(policy, reference, kind).rule !== undefined)) return;
  authorize(policy, reference);
}
