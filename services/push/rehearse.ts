import { FairleadError } from '#lib/errors';
import { ifThere } from '#lib/registry/if-there';
import { memoryRepository } from '#lib/registry/memory';
import type { ConfirmingPusher } from '#lib/registry/one-request';
import type { TagLister, Target } from '#lib/registry/target';
import { planPublication } from './plan-publication.ts';
import type { PublicationPlan, PublishDependencies, PublishRequest } from './publication.ts';
import { notTagged, publish } from './publish.ts';
import { refuseUnmet } from './refused-publication.ts';

/**
 * Returns what publish would do, and throws what it would throw; nothing is sent. With a key or
 * a supplied bundle, the artifact is signed and read back under the policy in memory. A keyless or
 * logged signature would be public for ever: without it, only the rules of the policy are asked.
 */
export async function rehearse(
  bytes: Uint8Array,
  request: PublishRequest,
  dependencies: PublishDependencies,
): Promise<PublicationPlan> {
  const signer = await dependencies.signer;
  const isLogged = signer !== undefined && signer.key === undefined && !signer.supplied;
  if (dependencies.policy === undefined || isLogged) {
    const plan = await planPublication(bytes, request, dependencies);
    refuseUnmet(plan, request);
    return plan;
  }
  try {
    return await publish(bytes, request, { ...dependencies, target: writeToMemory(dependencies.target) });
  } catch (error) {
    if (!(error instanceof FairleadError) || !error.summary.startsWith(notTagged)) throw error;
    const { kind, summary, cause, ...rest } = error;
    throw new FairleadError(kind, summary.slice(notTagged.length), { ...rest, cause });
  }
}

/**
 * Returns a target whose content is that of another one and what is pushed to it, in memory.
 * Whether another signature would be redundant is decided in memory: only what is pushed counts.
 */
function writeToMemory(target: Target & TagLister): Target & TagLister & ConfirmingPusher {
  const memory = memoryRepository();
  const first = async <T>(own: Promise<T>, other: () => Promise<T>): Promise<T> => (await ifThere(own)) ?? other();
  return {
    resolve: (tagOrDigest, options) =>
      first(memory.resolve(tagOrDigest, options), () => target.resolve(tagOrDigest, options)),
    fetch: (descriptor, options) => first(memory.fetch(descriptor, options), () => target.fetch(descriptor, options)),
    referrers: async (subject, options) => [
      ...(await memory.referrers(subject, options)),
      ...(options?.asWritten ? [] : await target.referrers(subject, options)),
    ],
    exists: async (descriptor, options) =>
      (await memory.exists(descriptor, options)) || target.exists(descriptor, options),
    push: (descriptor, content, options) => memory.push(descriptor, content, options),
    hasConfirmed: () => true,
    // Nothing reads it from here.
    tag: async () => undefined,
    tags: (options) => target.tags(options),
  };
}
