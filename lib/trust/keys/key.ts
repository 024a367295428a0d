import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPair as generate,
  type KeyObject,
} from 'node:crypto';
import { promisify } from 'node:util';
import { FairleadError } from '#lib/errors';
import { decryptCosignKey, encryptCosignKey, isCosignKey } from './cosign-key.ts';
import { algorithmOf, type KeyAlgorithm, signBytes, supportedKeys } from './key-algorithm.ts';
import { signStream } from './stream.ts';

/** A public key that verifies signatures. */
export interface PublicKey {
  readonly key: KeyObject;
  /**
   * SHA-256 of the key's SPKI DER, lower-case hex: the same key has the same fingerprint, whatever
   * file it is in.
   */
  readonly fingerprint: string;
}

/**
 * A private key that signs bytes. Here it is in memory; a key service can stand behind the same
 * members.
 */
export interface PrivateKey {
  readonly publicKey: PublicKey;
  /**
   * Signs the bytes, as {@link signBytes} does. Not called `sign`, so that a key in the place of a
   * Signer fails: its signature alone is no bundle.
   */
  signBytes(bytes: Uint8Array): Promise<Uint8Array>;
  /**
   * Signs bytes that arrive in pieces, such as those of a large file. The signature is as of
   * `signBytes`. Rejects as the pieces do.
   */
  signStream(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array>;
}

/** A new key pair, as the text of its two files. */
export interface KeyPairFiles {
  readonly privateKey: string;
  /** SPKI PEM, as cosign.pub. */
  readonly publicKey: string;
}

const maxKeyFileLength = 64 * 1024;

/**
 * Generates an ECDSA P-256 key pair. With a passphrase (it may be empty) the private key is written
 * in cosign's encrypted PEM, which cosign reads; without one, as plain PKCS#8 PEM.
 */
export async function generateKeyPair({ passphrase }: { passphrase?: string | undefined } = {}): Promise<KeyPairFiles> {
  const pair = await promisify(generate)('ec', { namedCurve: 'P-256' });
  const publicKey = pair.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  if (passphrase === undefined) {
    return { privateKey: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), publicKey };
  }
  const pkcs8 = pair.privateKey.export({ type: 'pkcs8', format: 'der' });
  return { privateKey: await encryptCosignKey(pkcs8, passphrase), publicKey };
}

/**
 * Reads a private key: cosign's encrypted PEM, or PKCS#8 PEM, plain or encrypted. For cosign's, the
 * decryption key is derived on another thread, which takes a tenth of a second. Throws InvalidInput
 * for another format, an unsupported kind of key, and a missing or wrong passphrase.
 */
export async function loadPrivateKey(pem: string, passphrase?: string): Promise<PrivateKey> {
  assertText('the private key', pem);
  if (passphrase !== undefined) assertText('the passphrase', passphrase);
  if (pem.length > maxKeyFileLength)
    throw new FairleadError('InvalidInput', 'the private key file is too large: want at most 64 KiB');
  const key = await openPrivateKey(pem, passphrase);
  const algorithm = supportedAlgorithm(key);
  return {
    publicKey: describeKey(createPublicKey(key)),
    signBytes: (bytes) => signBytes(key, algorithm, bytes),
    signStream: (pieces) => signStream(key, algorithm, pieces),
  };
}

/**
 * Reads a public key in SPKI PEM. Throws InvalidInput for another format and for an unsupported
 * kind of key.
 */
export function loadPublicKey(pem: string): PublicKey {
  assertText('the public key', pem);
  // createPublicKey would accept a private key and derive the public one: a private key does not
  // belong in a policy.
  if (pem.length > maxKeyFileLength || !/^\s*-----BEGIN PUBLIC KEY-----/.test(pem)) {
    throw new FairleadError('InvalidInput', `not a public key in PEM format${foundInstead(pem)}`, {
      hint: 'A public key file starts with "-----BEGIN PUBLIC KEY-----".',
    });
  }
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch (cause) {
    throw new FairleadError('InvalidInput', 'the public key file is damaged', { cause });
  }
  supportedAlgorithm(key);
  return describeKey(key);
}

/** Returns the `publicKey.hint` of a bundle as cosign has it: SHA-256 of the SPKI DER, base64. */
export function keyHint(publicKey: PublicKey): string {
  return Buffer.from(publicKey.fingerprint, 'hex').toString('base64');
}

/**
 * Converts a key to one form, for its fingerprint: in a file, a point on a curve may be compressed,
 * and the curve named or spelled out.
 */
function describeKey(given: KeyObject): PublicKey {
  const key = createPublicKey({ key: given.export({ format: 'jwk' }), format: 'jwk' });
  const spki = key.export({ type: 'spki', format: 'der' });
  return { key, fingerprint: createHash('sha256').update(spki).digest('hex') };
}

async function openPrivateKey(pem: string, passphrase: string | undefined): Promise<KeyObject> {
  const encrypted = isCosignKey(pem) || pem.includes('-----BEGIN ENCRYPTED PRIVATE KEY-----');
  if (encrypted && passphrase === undefined) {
    throw new FairleadError('InvalidInput', 'the private key is encrypted, and there is no passphrase', {
      hint: 'Specify the passphrase that the key was encrypted with.',
    });
  }
  if (isCosignKey(pem)) {
    const der = await decryptCosignKey(pem, passphrase ?? '');
    try {
      return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    } catch (cause) {
      throw new FairleadError('InvalidInput', "cosign's private key file does not contain a PKCS#8 key", { cause });
    }
  }
  try {
    return createPrivateKey(encrypted ? { key: pem, passphrase: passphrase ?? '' } : pem);
  } catch (cause) {
    throw new FairleadError(
      'InvalidInput',
      encrypted
        ? 'cannot decrypt the private key: the passphrase is wrong, or the file is damaged'
        : `not a private key in PEM format${foundInstead(pem)}`,
      { cause, hint: 'Use PKCS#8 PEM, or a key file of `cosign generate-key-pair`.' },
    );
  }
}

/** Throws InvalidInput for what a caller without types may pass: bytes, or a key object. */
function assertText(what: string, given: unknown): void {
  if (typeof given === 'string') return;
  // The type, and never the value: it may be a secret.
  const type = typeof given === 'object' ? (given?.constructor?.name ?? 'null') : typeof given;
  throw new FairleadError('InvalidInput', `invalid type ${type} of ${what}: want a string`, {
    hint: "Read the file as text, for example with readFile(path, 'utf8').",
  });
}

/** Returns the label in a PEM file for a message, such as that of a public key. */
function foundInstead(pem: string): string {
  const label = /-----BEGIN ([A-Z0-9 ]{1,64})-----/.exec(pem)?.[1];
  return label === undefined ? '' : `: it is a ${label}`;
}

function supportedAlgorithm(key: KeyObject): KeyAlgorithm {
  const algorithm = algorithmOf(key);
  if (algorithm !== undefined) return algorithm;
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {};
  const found = [key.asymmetricKeyType, namedCurve ?? modulusLength].filter(Boolean).join(' ');
  throw new FairleadError('InvalidInput', `unsupported key ${found}: want ${supportedKeys}`, {
    hint: 'Generate one with `fairlead keygen` or `cosign generate-key-pair`.',
  });
}
