import { createHash, type Hash, type KeyObject } from 'node:crypto';
import { FairleadError } from '#lib/errors';
import { verifyBytes } from '../../keys/key-algorithm.ts';
import { StreamVerifier } from '../../keys/stream.ts';

/** Hashes that a bundle may state of what it signs. */
export type MessageHash = 'sha256' | 'sha384' | 'sha512';

/** Bytes that were signed as they are, not in a statement: a manifest, or a file. */
export interface Message {
  readonly size: number;
  digest(hash: MessageHash): Buffer;
  /** Reports whether a signature over these bytes was made with this key. */
  isSignedWith(key: KeyObject, signature: Uint8Array): boolean;
}

/** Returns a message of which all bytes are in memory. */
export function wholeMessage(bytes: Uint8Array): Message {
  return {
    size: bytes.length,
    digest: (hash) => createHash(hash).update(bytes).digest(),
    isSignedWith: (key, signature) => verifyBytes(key, bytes, signature),
  };
}

/** What has to be known of a signature before its message is read in pieces. */
export interface MessageUse {
  /**
   * The key that verifies it; absent if only digests are asked for. The message is not signed with
   * any other key: a certificate may be read as one key here, and as another by its verifier.
   */
  readonly key?: KeyObject | undefined;
  /** The hash that is asked for beside SHA-256. */
  readonly hash?: MessageHash | undefined;
}

/** Reads a message once, in pieces, for one signature. */
export class MessageReader {
  readonly #hashes: ReadonlyMap<MessageHash, Hash>;
  readonly #verifier: StreamVerifier | undefined;
  #size = 0;

  constructor({ key, hash = 'sha256' }: MessageUse = {}) {
    this.#hashes = new Map(['sha256' as const, hash].map((each) => [each, createHash(each)]));
    this.#verifier = key && new StreamVerifier(key);
  }

  /** Adds the next bytes. Throws LimitExceeded for more than an Ed25519 key can sign. */
  update(piece: Uint8Array): void {
    this.#size += piece.length;
    for (const hash of this.#hashes.values()) hash.update(piece);
    this.#verifier?.update(piece);
  }

  /** Returns the message after its last bytes. */
  end(): Message {
    const digests = new Map([...this.#hashes].map(([name, hash]) => [name, hash.digest()]));
    const verifier = this.#verifier;
    return {
      size: this.#size,
      digest(hash) {
        const digest = digests.get(hash);
        if (digest !== undefined) return digest;
        throw new FairleadError('Internal', `a message was read without ${hash}`);
      },
      isSignedWith: (key, signature) => verifier?.key.equals(key) === true && verifier.verify(signature),
    };
  }
}

/** Reads a message from a stream. Rejects as the stream does, and as MessageReader. */
export async function readMessage(pieces: AsyncIterable<Uint8Array>, use: MessageUse): Promise<Message> {
  const reader = new MessageReader(use);
  for await (const piece of pieces) reader.update(piece);
  return reader.end();
}
