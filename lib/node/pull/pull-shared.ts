import { FairleadError } from '#lib/errors';
import { resolveManifest, withManifest } from '#lib/registry/one-request';
import type { PinnedReference } from '#lib/registry/pinned-reference';
import { formatRepository, type Reference, tagOrDigestOf } from '#lib/registry/reference';
import { repositoryName } from '#lib/registry/registry-name';
import type { Rule } from '#lib/trust/policy/policy';
import { admitCaller } from './admit-caller.ts';
import type { PullDependencies } from './pull-dependencies.ts';
import type { PullMemory, ResolvedTag } from './pull-memory.ts';
import { pullVerified } from './pull-verified.ts';
import type { PulledProfile, PullRequest } from './pulled-profile.ts';

interface SharedDependencies extends PullDependencies {
  readonly memory: PullMemory;
}

/**
 * Pulls a profile that a rule allows, or takes it from the memory. Callers that ask for the same
 * one at the same time share one pull. Throws as pullVerified does.
 */
export async function pullShared(
  { reference, kind }: PullRequest,
  rule: Rule,
  dependencies: SharedDependencies,
): Promise<PulledProfile> {
  const { digest } = reference;
  if (digest !== undefined) return pullOnce({ reference: { ...reference, digest }, kind }, rule, dependencies);
  // Each time: the tag may have moved.
  const { descriptor, target } = await resolveTag(reference, dependencies);
  const pinned = { reference: { ...reference, digest: descriptor.digest }, kind };
  return { ...(await pullOnce(pinned, rule, { ...dependencies, connect: () => target })), reference };
}

/**
 * Resolves a tag, with one request for all who ask at the same time. Each of them asked before the
 * request was made.
 */
export async function resolveTag(
  reference: Reference,
  { connect, signal: own, memory }: Pick<SharedDependencies, 'connect' | 'signal' | 'memory'>,
): Promise<ResolvedTag> {
  const ask = async (signal: AbortSignal | undefined): Promise<ResolvedTag> => {
    const source = await connect(reference);
    const resolved = await resolveManifest(source, tagOrDigestOf(reference), signal === undefined ? {} : { signal });
    return { descriptor: resolved.descriptor, target: withManifest(source, resolved) };
  };
  const name = `${repositoryName(formatRepository(reference))}:${tagOrDigestOf(reference)}`;
  const flight = memory.tags.join(name, own, ask);
  try {
    return await flight.result;
  } catch (error) {
    if (flight.joined && dependsOnCaller(error, memory)) return ask(own);
    throw error;
  }
}

/**
 * Pulls what a digest names, unless the memory has it, with one pull for all who ask for it at the
 * same time.
 */
async function pullOnce(
  request: PullRequest & { readonly reference: PinnedReference },
  rule: Rule,
  dependencies: SharedDependencies,
): Promise<PulledProfile> {
  const { reference, kind } = request;
  const { memory, store, policy, anew } = dependencies;
  // The normalized name: a host that is spelled in a thousand ways must not cause a thousand pulls.
  const key = [kind, repositoryName(formatRepository(reference)), reference.digest, policy.revision].join(' ');
  // What was removed from the store, perhaps during a pull, is not held in memory either.
  const isStored = store === undefined || store.get(reference.digest) !== undefined;
  const recalled = isStored && !anew ? memory.recall(key) : undefined;
  if (recalled !== undefined) return admitCaller({ ...recalled, reference, cached: true }, false, dependencies);
  const flight = memory.flights.join(key, dependencies.signal, async (signal) => {
    const pulled = await pullVerified(request, rule, { ...dependencies, signal });
    memory.remember(key, pulled);
    return pulled;
  });
  const { pulled, own } = await flight.result.then(
    (pulled) => ({ pulled, own: !flight.joined }),
    async (error: unknown) => {
      if (!flight.joined || !dependsOnCaller(error, memory)) throw error;
      return { pulled: await pullVerified(request, rule, dependencies), own: true };
    },
  );
  return admitCaller({ ...pulled, reference }, own && !pulled.cached, dependencies);
}

/**
 * Reports whether a shared pull may have failed because of the credentials of the caller who
 * started it. Registries may answer to wrong ones as if there were no such repository, and
 * malformed ones fail before any request.
 */
function dependsOnCaller(error: unknown, { sameCredentials }: PullMemory): boolean {
  const kinds: readonly FairleadError['kind'][] = ['Unauthenticated', 'NotAllowed', 'NotFound', 'InvalidInput'];
  return !sameCredentials && error instanceof FairleadError && kinds.includes(error.kind);
}
