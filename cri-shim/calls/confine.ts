import type { Digest } from '#lib/registry/digest';
import { type ApplyDependencies, applyProfile, type Bearer } from '../apply/apply-profile.ts';
import { type ProfileFields, profileRequest } from '../request/profile-request.ts';
import { type RewritableContext, rewrite } from '../request/rewrite.ts';

/** A container or sandbox that the kubelet asks for. */
export interface Creation extends Pick<ProfileFields, 'annotations' | 'annotationNames' | 'privileged'> {
  /** Its security context, which is changed if it asks for an artifact. */
  readonly context: RewritableContext & Pick<ProfileFields, 'apparmor' | 'apparmorProfile'>;
  readonly bearer: Bearer;
}

/** What confine works with. */
export interface ConfineDependencies extends ApplyDependencies {
  /** The kubelet's directory for seccomp profiles. */
  readonly seccompRoot: string;
}

/**
 * Applies the profile artifact that a container or sandbox asks for, and makes its security context
 * name the result. Returns the digest of the artifact, and undefined, with nothing changed, if it
 * asks for none. Throws as profileRequest and applyProfile do.
 */
export async function confine(
  { context, bearer, ...fields }: Creation,
  dependencies: ConfineDependencies,
  signal: AbortSignal,
): Promise<Digest | undefined> {
  const request = profileRequest({ ...context, ...fields }, dependencies.seccompRoot);
  if (request === undefined) return undefined;
  const { installed, digest } = await applyProfile(request, bearer, dependencies, signal);
  rewrite(context, installed);
  return digest;
}
