import { toFairleadError } from '#lib/errors';
import { profileRefusal } from '#lib/node/reference/profile-refusal';
import type { Digest } from '#lib/registry/digest';
import type { PinnedReference } from '#lib/registry/pinned-reference';
import { type ApplyDependencies, applyProfile, type Bearer } from '../apply/apply-profile.ts';
import { type ProfileFields, profileRequest } from '../request/profile-request.ts';
import { type RewritableContext, rewrite } from '../request/rewrite.ts';

/** A container or sandbox that the kubelet creates. */
export interface Creation extends Pick<ProfileFields, 'annotations' | 'annotationNames' | 'privileged'> {
  /** Its security context, which is changed if it requests an artifact. */
  readonly context: RewritableContext & Pick<ProfileFields, 'apparmor' | 'apparmorProfile'>;
  readonly bearer: Bearer;
}

/** The dependencies of confine. */
export interface ConfineDependencies extends ApplyDependencies {
  /** The kubelet's directory for seccomp profiles. */
  readonly seccompRoot: string;
}

/**
 * Applies the profile artifact that a container or sandbox requests, and sets the result in its
 * security context. Returns the digest of the artifact. Returns undefined and changes nothing if no
 * artifact is requested. Throws as profileRequest and applyProfile do, with a message that states
 * which profile of which container is refused.
 */
export async function confine(
  { context, bearer, ...fields }: Creation,
  dependencies: ConfineDependencies,
  signal: AbortSignal,
): Promise<Digest | undefined> {
  const { container } = bearer;
  let reference: PinnedReference | undefined;
  try {
    const request = profileRequest({ ...context, ...fields }, dependencies.seccompRoot);
    if (request === undefined) return undefined;
    reference = request.reference;
    const { installed, digest } = await applyProfile(request, bearer, dependencies, signal);
    rewrite(context, installed);
    return digest;
  } catch (thrown) {
    throw profileRefusal(toFairleadError(thrown), { reference, container });
  }
}
