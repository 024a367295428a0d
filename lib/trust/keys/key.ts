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

/** A public key that signatures are checked with. */
export interface PublicKey {
  readonly key: KeyObject;
  /**
   * SHA-256 of the key's SPKI DER, lower-case hex: the same key has the same fingerprint wherever
   * its file lies.
   */
  readonly fingerprint: string;
}

/**
 * A private key that signs bytes. Here it is in memory; a key service can stand behind the same two
 * members.
 */
export interface PrivateKey {
  readonly publicKey: PublicKey;
  /** Signs the bytes, as {@link signBytes} does. */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
}

/** A new key pair, as the text of its two files. */
export interface KeyPairFiles {
  readonly privateKey: string;
  /** SPKI PEM, as cosign.pub. */
  readonly publicKey: string;
}

const maxKeyFileLength = 64 * 1024;

/**
 * Makes an ECDSA P-256 key pair. With a passphrase (it may be empty) the private key is written in
 * cosign's encrypted PEM, which cosign reads as it is; without one, as plain PKCS#8 PEM.
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
 * Reads a private key: cosign's encrypted PEM, or PKCS#8 PEM, plain or encrypted. Deriving what
 * cosign's opens with takes a tenth of a second on another thread, and is under way when this
 * returns its promise. Throws InvalidInput for another form, a kind of key that is not supported,
 * and a missing or wrong passphrase.
 */
export async function loadPrivateKey(pem: string, passphrase?: string): Promise<PrivateKey> {
  assertText('the private key', pem);
  if (passphrase !== undefined) assertText('the passphrase', passphrase);
  if (pem.length > maxKeyFileLength) throw new FairleadError('InvalidInput', 'the private key file is over 64 KiB');
  const key = await openPrivateKey(pem, passphrase);
  const algorithm = supportedAlgorithm(key);
  return { publicKey: describeKey(createPublicKey(key)), sign: (bytes) => signBytes(key, algorithm, bytes) };
}

/**
 * Reads a public key in SPKI PEM form. Throws InvalidInput for another form and for a kind of key
 * that is not supported.
 */
export function loadPublicKey(pem: string): PublicKey {
  assertText('the public key', pem);
  // createPublicKey would take a private key and derive the public one: a private key has no place
  // in a policy.
  if (pem.length > maxKeyFileLength || !/^\s*-----BEGIN PUBLIC KEY-----/.test(pem)) {
    throw new FairleadError('InvalidInput', `not a public key in PEM form${foundInstead(pem)}`, {
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

/** The `publicKey.hint` that cosign writes into a bundle: base64 of the SHA-256 of the SPKI DER. */
export function keyHint(publicKey: PublicKey): string {
  return Buffer.from(publicKey.fingerprint, 'hex').toString('base64');
}

/**
 * A file may hold a point on a curve whole or compressed, and the curve by its name or spelled out:
 * the fingerprint is of one form.
 */
function describeKey(given: KeyObject): PublicKey {
  const key = createPublicKey({ key: given.export({ format: 'jwk' }), format: 'jwk' });
  const spki = key.export({ type: 'spki', format: 'der' });
  return { key, fingerprint: createHash('sha256').update(spki).digest('hex') };
}

async function openPrivateKey(pem: string, passphrase: string | undefined): Promise<KeyObject> {
  const encrypted = isCosignKey(pem) || pem.includes('-----BEGIN ENCRYPTED PRIVATE KEY-----');
  if (encrypted && passphrase === undefined) {
    throw new FairleadError('InvalidInput', 'the private key is encrypted, and no passphrase was given');
  }
  if (isCosignKey(pem)) {
    const der = await decryptCosignKey(pem, passphrase ?? '');
    try {
      return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    } catch (cause) {
      throw new FairleadError('InvalidInput', "cosign's private key file holds no PKCS#8 key", { cause });
    }
  }
  try {
    return createPrivateKey(encrypted ? { key: pem, passphrase: passphrase ?? '' } : pem);
  } catch (cause) {
    throw new FairleadError(
      'InvalidInput',
      encrypted
        ? 'the private key does not open: the passphrase is wrong, or the file is damaged'
        : `not a private key in PEM form${foundInstead(pem)}`,
      { cause, hint: 'A private key is PKCS#8 PEM, or what `cosign generate-key-pair` writes.' },
    );
  }
}

/** A caller without types may hand over the bytes of a file, or a key that is open already. */
function assertText(what: string, given: unknown): void {
  if (typeof given === 'string') return;
  // What it is, and never the value: it may be a secret.
  const type = typeof given === 'object' ? (given?.constructor?.name ?? 'null') : typeof given;
  throw new FairleadError('InvalidInput', `${what} must be a string, and is of type ${type}`, {
    hint: "Read its file as text, such as by readFile(path, 'utf8').",
  });
}

/** What a PEM file says that it holds, to go into a message: a public key, or one of OpenSSH. */
function foundInstead(pem: string): string {
  const label = /-----BEGIN ([A-Z0-9 ]{1,64})-----/.exec(pem)?.[1];
  return label === undefined ? '' : `: it is a ${label}`;
}

function supportedAlgorithm(key: KeyObject): KeyAlgorithm {
  const algorithm = algorithmOf(key);
  if (algorithm !== undefined) return algorithm;
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {};
  const found = [key.asymmetricKeyType, namedCurve ?? modulusLength].filter(Boolean).join(' ');
  throw new FairleadError('InvalidInput', `the key is ${found}; supported are ${supportedKeys}`, {
    hint: 'Make one with `fairlead keygen` or `cosign generate-key-pair`.',
  });
}
