import { FairleadError, toFairleadError } from '#lib/errors';
import { authorizeAnyKind, pullAnyKind } from '#lib/node/pull/pull-any-kind';
import type { PulledProfile } from '#lib/node/pull/pulled-profile';
import type { Profile, PublishedProfile } from '#lib/profile/profile';
import { isResolved, resolveProfile } from '#lib/profile/resolve-profile';
import { dependsOnContainer } from '#lib/profile/seccomp/read/docker';
import { formatReference, formatRepository } from '#lib/registry/reference';
import { formatRequested, type RequestedReference } from '#lib/registry/requested-reference';
import { writeNote } from '../terminal/output.ts';
import { openRegistries } from './connect.ts';
import { hostOf } from './profile-options.ts';
import { openReadingPolicy } from './pull-policy.ts';
import type { NamedProfile, ReadingOptions } from './read-profiles.ts';
import { settleRequested } from './requested.ts';

/**
 * Opens what reads profiles from registries: each is pulled by the digest that its tag named once,
 * and verified as the options specify. With --insecure-unverified, a warning on stderr names
 * each. Throws InvalidInput, naming the first of the references, if the options specify nothing.
 */
export async function openReferences(
  first: RequestedReference,
  options: ReadingOptions,
  env: NodeJS.ProcessEnv,
): Promise<(requested: RequestedReference) => Promise<NamedProfile>> {
  const policy = await openReadingPolicy(options, formatRequested(first), env);
  const connect = await openRegistries(options, env);
  const pull = async (requested: RequestedReference): Promise<PulledProfile> => {
    const reference = await settleRequested(requested, connect, () => authorizeAnyKind(policy, requested));
    return pullAnyKind(reference, { policy, connect });
  };
  return async (requested) => {
    const pulled = await pull(requested).catch((error: unknown) => {
      throw naming(requested, error);
    });
    const source = formatReference(pulled.reference);
    if (pulled.verification.unsigned && options.insecureUnverified) {
      writeNote('warning', `${source} is not verified: everybody who can write to the repository can have written it`);
    }
    const name = requested.repository.split('/').at(-1) ?? 'profile';
    return { profile: asProfile(pulled.profile, options), source, name };
  };
}

/** Returns a published profile as one that was read from a file: resolved for one container. */
function asProfile(published: PublishedProfile, options: ReadingOptions): Profile {
  const profile = resolveProfile(published, hostOf(options));
  if (isResolved(published)) return profile;
  return { ...profile, docker: { dependsOnContainer: dependsOnContainer(published.unresolved) } };
}

/** Names the reference in an error that names only its digest: several may be read at once. */
function naming(requested: RequestedReference, error: unknown): FairleadError {
  const found = toFairleadError(error);
  if (found.message.includes(formatRepository(requested))) return found;
  const { kind, summary, hint, details, cause, pointer } = found;
  return new FairleadError(kind, `${formatRequested(requested)}: ${summary}`, {
    cause,
    ...(hint !== undefined && { hint }),
    ...(details && { details }),
    ...(pointer !== undefined && { pointer }),
  });
}
