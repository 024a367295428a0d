import { FairleadError } from '#lib/errors';
import { loadPublicKey, type PublicKey } from '../keys/key.ts';
import type { TrustPolicy } from './policy.ts';

/**
 * Returns a policy that allows everything that is signed with this key (PEM), from any repository.
 * `file` is the name of the key in messages. Throws InvalidInput for an invalid public key.
 */
export function keyPolicy(file: string, pem: string): TrustPolicy {
  const publicKey = namedPublicKey(file, pem);
  return {
    source: `key ${file}`,
    rules: [{ match: '**', unsigned: false, require: [{ anyOf: [{ key: file, publicKey }] }] }],
    revision: publicKey.fingerprint,
  };
}

/** Reads a public key (PEM) as loadPublicKey does. Its errors name the file. */
export function namedPublicKey(file: string, pem: string): PublicKey {
  try {
    return loadPublicKey(pem);
  } catch (error) {
    if (!(error instanceof FairleadError)) throw error;
    const { kind, message, hint } = error;
    throw new FairleadError(kind, `${file}: ${message}`, { cause: error, ...(hint !== undefined && { hint }) });
  }
}
