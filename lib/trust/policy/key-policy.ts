import { randomUUID } from 'node:crypto';
import { FairleadError } from '#lib/errors';
import { loadPublicKey, type PublicKey } from '../keys/key.ts';
import { type Alternative, describeAlternative, type TrustPolicy } from './policy.ts';

/**
 * Returns a policy that allows everything that is signed with this key (PEM), from any repository.
 * `file` is the name of the key in messages. Throws InvalidInput for an invalid public key.
 */
export function keyPolicy(file: string, pem: string): TrustPolicy {
  const publicKey = namedPublicKey(file, pem);
  return { ...signerPolicy({ key: file, publicKey }), revision: publicKey.fingerprint };
}

/**
 * Returns a policy that allows everything that this signer has signed, from any repository. Each
 * has a revision of its own: nothing that was decided under another one counts.
 */
export function signerPolicy(signer: Alternative): TrustPolicy {
  return {
    source: describeAlternative(signer),
    rules: [{ match: '**', unsigned: false, require: [{ anyOf: [signer] }], isImplied: true }],
    revision: randomUUID(),
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
