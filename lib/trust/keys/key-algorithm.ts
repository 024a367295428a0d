import { type KeyObject, sign, verify } from 'node:crypto';

type Hash = 'sha256' | 'sha384' | 'sha512' | null;

/** A kind of key that can sign and verify. */
export interface KeyAlgorithm {
  /** The name in messages. */
  readonly name: string;
  /**
   * The hashes of signatures that are verified; the first is used to sign. Null: the algorithm
   * hashes by itself.
   */
  readonly hashes: readonly [Hash, ...Hash[]];
}

/**
 * By curve. Signatures use SHA-256 on every curve, since that is what `cosign verify --key` (3.1)
 * expects of every key; the hash of the curve's size, which cosign signs with, is verified too.
 */
const curves: Readonly<Record<string, KeyAlgorithm>> = {
  prime256v1: { name: 'ECDSA P-256', hashes: ['sha256'] },
  secp384r1: { name: 'ECDSA P-384', hashes: ['sha256', 'sha384'] },
  secp521r1: { name: 'ECDSA P-521', hashes: ['sha256', 'sha512'] },
};

const rsaBits = { least: 2048, most: 8192 };

/** The supported keys in messages, best first. */
export const supportedKeys = `ECDSA (P-256, P-384, P-521), Ed25519 or RSA (${rsaBits.least} to ${rsaBits.most} bits)`;

/**
 * Returns the algorithm of a key; undefined for an unsupported one. RSA is PKCS #1 v1.5, as in
 * cosign.
 */
export function algorithmOf(key: KeyObject): KeyAlgorithm | undefined {
  const { namedCurve = '', modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case 'ec':
      return Object.hasOwn(curves, namedCurve) ? curves[namedCurve] : undefined;
    case 'ed25519':
      return { name: 'Ed25519', hashes: [null] };
    case 'rsa':
      if (modulusLength < rsaBits.least || modulusLength > rsaBits.most) return undefined;
      return { name: `RSA ${modulusLength}`, hashes: ['sha256'] };
    default:
      return undefined;
  }
}

/** Signs bytes with a private key of this algorithm. ECDSA signatures are ASN.1 DER. */
export function signBytes(key: KeyObject, { hashes: [hash] }: KeyAlgorithm, bytes: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    sign(hash, bytes, key, (error, signature) => (error ? reject(error) : resolve(signature)));
  });
}

/**
 * Reports whether a signature over these bytes was made with this key. False for a malformed
 * signature too.
 */
export function verifyBytes(key: KeyObject, bytes: Uint8Array, signature: Uint8Array): boolean {
  const hashes = algorithmOf(key)?.hashes ?? [];
  return hashes.some((hash) => {
    try {
      return verify(hash, bytes, key, signature);
    } catch {
      // OpenSSL reports some malformed signatures as an error.
      return false;
    }
  });
}
