import { FairleadError } from '#lib/errors';
import { loadPublicKey, type PublicKey } from '../keys/key.ts';
import type { TrustPolicy } from './policy.ts';

/**
 * The policy of who only asks whether something is signed with this key (PEM): everything that is,
 * from wherever. `file` is what messages call the key. Throws InvalidInput for an invalid public
 * key.
 */
export function keyPolicy(file: string, pem: string): TrustPolicy {
  const publicKey = readKey(file, pem);
  return {
    source: `key ${file}`,
    rules: [{ match: '**', unsigned: false, require: [{ anyOf: [{ key: file, publicKey }] }] }],
    revision: publicKey.fingerprint,
  };
}

function readKey(file: string, pem: string): PublicKey {
  try {
    return loadPublicKey(pem);
  } catch (error) {
    if (!(error instanceof FairleadError)) throw error;
    const { kind, message, hint } = error;
    throw new FairleadError(kind, `${file}: ${message}`, { cause: error, ...(hint !== undefined && { hint }) });
  }
}
