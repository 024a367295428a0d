import { FairleadError } from '#lib/errors';
import type { Env } from '#lib/programs/run-program';
import { quote } from '#lib/text/quote';
import { loadPublicKey, type PrivateKey, type PublicKey } from '../keys/key.ts';
import { StreamVerifier } from '../keys/stream.ts';
import { callPlugin } from './call-plugin.ts';
import { type KmsReference, parseKmsReference } from './key-reference.ts';

/**
 * Opens a key in a key service (`NAME://…`): the plugin program `sigstore-kms-NAME` signs with it,
 * as it does for cosign. Each signature is verified before it is used. Throws InvalidInput for an
 * invalid reference, if there is no such program, and for an unsupported kind of key, and
 * Unavailable if the program fails. Signing rejects in the same ways, with SignatureInvalid for a
 * signature that the key did not make, and as the pieces of a stream do.
 */
export async function openKmsKey(text: string, env: Env): Promise<PrivateKey> {
  const reference = parseKmsReference(text);
  const publicKey = await fetchPublicKey(reference, env);
  const sign = async (message: AsyncIterable<Uint8Array>): Promise<Uint8Array> => {
    const verifier = new StreamVerifier(publicKey.key);
    const { signature } = await callPlugin(reference, 'signMessage', env, { message: readBy(verifier, message) });
    if (verifier.verify(signature)) return signature;
    throw new FairleadError(
      'SignatureInvalid',
      `the signature that ${reference.program} returned was not made with its key ${quote(text)}`,
      {
        hint: 'Want ECDSA with SHA-256 (or the hash of the size of the curve), RSA PKCS #1 v1.5 with SHA-256, or Ed25519. No tag was set.',
      },
    );
  };
  return { publicKey, signBytes: (bytes) => sign(inOnePiece(bytes)), signStream: sign };
}

/**
 * Returns the public key of a key in a key service. Throws as openKmsKey.
 */
export function openKmsPublicKey(text: string, env: Env): Promise<PublicKey> {
  return fetchPublicKey(parseKmsReference(text), env);
}

/**
 * Generates a key in a key service, of the kind that its plugin program prefers, and returns its
 * public key as PEM. Throws as openKmsKey.
 */
export async function createKmsKey(text: string, env: Env): Promise<string> {
  const reference = parseKmsReference(text);
  const { defaultAlgorithm: algorithm } = await callPlugin(reference, 'defaultAlgorithm', env);
  const { publicKeyPEM } = await callPlugin(reference, 'createKey', env, { args: { algorithm } });
  return readKey(reference, publicKeyPEM).pem;
}

async function fetchPublicKey(reference: KmsReference, env: Env): Promise<PublicKey> {
  const { publicKeyPEM } = await callPlugin(reference, 'publicKey', env);
  return readKey(reference, publicKeyPEM).publicKey;
}

function readKey({ program, text }: KmsReference, bytes: Uint8Array) {
  const pem = Buffer.from(bytes).toString('utf8');
  try {
    return { pem, publicKey: loadPublicKey(pem) };
  } catch (error) {
    if (!(error instanceof FairleadError)) throw error;
    const { kind, message, hint } = error;
    const options = { cause: error.cause, ...(hint !== undefined && { hint }) };
    throw new FairleadError(kind, `the public key of ${quote(text)}, from ${program}: ${message}`, options);
  }
}

/** Passes the pieces on, as the verifier reads them. */
async function* readBy(verifier: StreamVerifier, pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    verifier.update(piece);
    yield piece;
  }
}

async function* inOnePiece(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
