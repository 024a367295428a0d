import { FairleadError } from '#lib/errors';
import type { Descriptor } from '#lib/registry/descriptor';
import { digestOf, digestParts } from '#lib/registry/digest';
import { fetchBytes } from '#lib/registry/fetch-bytes';
import { manifestBytesLimit } from '#lib/registry/manifest';
import type { Fetcher } from '#lib/registry/target';

/**
 * Returns the descriptors of an artifact by which it may be signed. Signers sign sha256 digests, by
 * whichever algorithm a reference names the manifest: that of the very bytes that match the
 * reference counts, and then that of the reference itself. Rejects as fetchBytes does.
 */
export async function signedDescriptors(
  fetcher: Fetcher,
  descriptor: Descriptor,
  signal: AbortSignal | undefined,
): Promise<readonly [Descriptor, ...Descriptor[]]> {
  if (digestParts(descriptor.digest).algorithm === 'sha256') return [descriptor];
  const bytes = await fetchBytes(fetcher, descriptor, { limit: manifestBytesLimit, ...(signal && { signal }) });
  return [{ ...descriptor, digest: digestOf(bytes) }, descriptor];
}

/**
 * Returns the result for the first descriptor whose signatures meet the rule. Rejects with what
 * `verify` rejects with for the last one, and at once with anything but SignatureInvalid.
 */
export async function firstVerified<T>(
  [descriptor, ...others]: readonly [Descriptor, ...Descriptor[]],
  verify: (descriptor: Descriptor) => T | Promise<T>,
): Promise<T> {
  try {
    return await verify(descriptor);
  } catch (error) {
    const [next, ...rest] = others;
    if (next === undefined || !(error instanceof FairleadError) || error.kind !== 'SignatureInvalid') throw error;
    return firstVerified([next, ...rest], verify);
  }
}
