import { FairleadError } from '#lib/errors';
import type { Reference } from '#lib/registry/reference';
import type { VerifiedArtifact } from '../../verified/verified-profile.ts';
import type { VerifiedProfiles } from '../../verified/verified-profiles.ts';

/** Milliseconds for the answers of a registry that a page needs: readers wait for it. */
export const registryTimeout = 5_000;

/**
 * Runs work that asks a registry, under a signal that aborts after `timeout` milliseconds, too:
 * with Unavailable, which names the registry.
 */
export async function answerInTime<T>(
  {
    registry,
    signal,
    timeout = registryTimeout,
  }: {
    readonly registry: string;
    readonly signal: AbortSignal;
    readonly timeout?: number | undefined;
  },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const late = `${registry} did not answer within ${timeout / 1000} seconds`;
  const timer = setTimeout(() => controller.abort(new FairleadError('Unavailable', late)), timeout);
  try {
    return await work(AbortSignal.any([signal, controller.signal]));
  } finally {
    clearTimeout(timer);
  }
}

/** Returns a verified profile as VerifiedProfiles.findArtifact does, within the time of a page. */
export function findInTime(
  profiles: Pick<VerifiedProfiles, 'findArtifact'>,
  reference: Reference,
  signal: AbortSignal,
): Promise<VerifiedArtifact> {
  return answerInTime({ registry: reference.registry, signal }, (bounded) => profiles.findArtifact(reference, bounded));
}
