import { createSign, createVerify, type KeyObject, type Verify } from 'node:crypto';
import { FairleadError } from '#lib/errors';
import { algorithmOf, type KeyAlgorithm, signBytes, verifyBytes } from './key-algorithm.ts';

/**
 * The most bytes that an Ed25519 key signs: it needs all of them at once, in memory. Other keys
 * sign a hash, of any number of bytes.
 */
export const maxEd25519Bytes = 256 * 1024 * 1024;

/**
 * Signs bytes that arrive in pieces, as {@link signBytes} signs them. Rejects as the pieces do, and
 * with LimitExceeded for more bytes than an Ed25519 key can sign.
 */
export async function signStream(
  key: KeyObject,
  algorithm: KeyAlgorithm,
  pieces: AsyncIterable<Uint8Array>,
): Promise<Uint8Array> {
  const [hash] = algorithm.hashes;
  if (hash === null) {
    const whole = new WholeBytes();
    for await (const piece of pieces) whole.add(piece);
    return signBytes(key, algorithm, whole.concatenated());
  }
  const signing = createSign(hash);
  for await (const piece of pieces) signing.update(piece);
  return signing.sign(key);
}

/** Verifies one signature of bytes that arrive in pieces, as {@link verifyBytes} does. */
export class StreamVerifier {
  readonly key: KeyObject;
  readonly #verifying: readonly Verify[];
  /** Undefined if the key signs a hash. */
  readonly #whole: WholeBytes | undefined;
  #result: { readonly signature: Uint8Array; readonly isValid: boolean } | undefined;

  constructor(key: KeyObject) {
    this.key = key;
    const hashes = algorithmOf(key)?.hashes ?? [];
    this.#verifying = hashes.flatMap((hash) => (hash === null ? [] : createVerify(hash)));
    this.#whole = hashes.some((hash) => hash === null) ? new WholeBytes() : undefined;
  }

  /** Adds the next bytes. Throws LimitExceeded for more than an Ed25519 key can sign. */
  update(piece: Uint8Array): void {
    this.#whole?.add(piece);
    for (const each of this.#verifying) each.update(piece);
  }

  /**
   * Reports whether the signature over these bytes was made with this key. It can be asked for one
   * signature only: the bytes are gone.
   */
  verify(signature: Uint8Array): boolean {
    this.#result ??= { signature, isValid: this.#verifyOnce(signature) };
    if (Buffer.from(signature).equals(this.#result.signature)) return this.#result.isValid;
    throw new FairleadError('Internal', 'a stream was verified with two signatures');
  }

  #verifyOnce(signature: Uint8Array): boolean {
    if (this.#whole !== undefined) return verifyBytes(this.key, this.#whole.concatenated(), signature);
    return this.#verifying.some((each) => {
      try {
        return each.verify(this.key, signature);
      } catch {
        // OpenSSL reports some malformed signatures as an error.
        return false;
      }
    });
  }
}

/** Bytes that are kept, as far as there is room. */
class WholeBytes {
  readonly #pieces: Uint8Array[] = [];
  #size = 0;

  add(piece: Uint8Array): void {
    this.#size += piece.length;
    if (this.#size > maxEd25519Bytes) {
      throw new FairleadError('LimitExceeded', `too large for an Ed25519 key: want at most ${maxEd25519Bytes} bytes`, {
        hint: 'An Ed25519 key signs all bytes at once, in memory. Use another kind of key for large files.',
      });
    }
    this.#pieces.push(piece);
  }

  concatenated(): Uint8Array {
    return Buffer.concat(this.#pieces);
  }
}
