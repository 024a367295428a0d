import { type ErrorKind, FairleadError } from '#lib/errors';
import type { Descriptor, Manifest } from '#lib/registry/descriptor';
import type { Digest } from '#lib/registry/digest';
import { fetchBytes } from '#lib/registry/fetch-bytes';
import { parseManifest } from '#lib/registry/manifest';
import type { CallOptions, ReadTarget } from '#lib/registry/target';

/**
 * What does not exist, and what can be pushed and not be read: a manifest of an unknown type or too
 * large a one under the legacy tag, content longer or shorter than its descriptor specifies.
 */
const unusable: readonly ErrorKind[] = ['NotFound', 'InvalidInput', 'LimitExceeded'];

/** Waits for something from a registry. Returns undefined if it is unusable. */
export async function ifUsable<T>(
  promise: Promise<T>,
  onUnusable?: (error: FairleadError) => void,
): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (!(error instanceof FairleadError && unusable.includes(error.kind))) throw error;
    onUnusable?.(error);
    return undefined;
  }
}

/** Fetches content of at most `limit` bytes. Returns undefined if it is unusable. */
export function fetchIfUsable(
  target: ReadTarget,
  descriptor: Descriptor,
  limit: number,
  options: CallOptions,
): Promise<Uint8Array | undefined> {
  return ifUsable(fetchBytes(target, descriptor, { ...options, limit }));
}

/** Fetches a manifest in the same way. */
export async function fetchManifest(
  target: ReadTarget,
  descriptor: Descriptor,
  limit: number,
  options: CallOptions,
): Promise<Manifest | undefined> {
  const bytes = await fetchIfUsable(target, descriptor, limit, options);
  if (bytes === undefined) return undefined;
  try {
    return parseManifest(bytes);
  } catch (error) {
    if (error instanceof FairleadError && error.kind === 'InvalidInput') return undefined;
    throw error;
  }
}

/** Returns the error that reports a signature which cannot be read. */
export function unreadableSignature(digest: Digest, type: string, reason: string): FairleadError {
  return new FairleadError('SignatureInvalid', `${digest} (${type.slice(0, 160)}) ${reason}`);
}
