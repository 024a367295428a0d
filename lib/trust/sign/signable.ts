import type { KeyObject } from 'node:crypto';
import { preAuthEncoding } from '../signature/dsse.ts';
import { contentOf, readBundle } from '../signature/read/bundle-content.ts';
import { type Message, MessageReader } from '../signature/read/message.ts';
import type { SignedContent } from '../signature/read/signed-content.ts';
import { statementPayloadType } from '../signature/statement.ts';
import { type BundleContent, envelopeOf } from '../signature/write-bundle.ts';
import type { Signer } from './signer.ts';

/** What a signer signs, and how a bundle contains it. */
export interface Signable {
  /**
   * Signs the bytes with a function for bytes in memory or with one for a stream. Called once.
   *
   * @param key the public key that verifies the signature.
   */
  sign(by: BytesSigner, key: KeyObject): Promise<SignedBytes>;
}

/** The two ways of a key to sign. */
export interface BytesSigner {
  signBytes(bytes: Uint8Array): Promise<Uint8Array>;
  signStream(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array>;
}

/** What was signed. */
export interface SignedBytes {
  readonly signature: Uint8Array;
  readonly content: BundleContent;
  /** Takes apart a bundle with this content, to verify it. */
  open(bundle: Uint8Array): SignedContent;
}

/** Returns the two ways to sign of a signer that signs everything in the same way. */
export function signingWith(sign: (signable: Signable) => Promise<Uint8Array>): Pick<Signer, 'sign' | 'signMessage'> {
  return {
    sign: (statement) => sign(statementToSign(statement)),
    signMessage: (pieces) => sign(messageToSign(pieces)),
  };
}

function statementToSign(statement: Uint8Array): Signable {
  return {
    async sign(by) {
      const signature = await by.signBytes(preAuthEncoding(statementPayloadType, statement));
      const content = { dsseEnvelope: envelopeOf(statement, signature) };
      return { signature, content, open: (bundle) => contentOf(readBundle(bundle), undefined) };
    },
  };
}

function messageToSign(pieces: AsyncIterable<Uint8Array>): Signable {
  return {
    async sign(by, key) {
      const reader = new MessageReader({ key });
      const signature = await by.signStream(readBy(reader, pieces));
      const message = reader.end();
      const content = { messageSignature: messageSignatureOf(message, signature) };
      return { signature, content, open: (bundle) => contentOf(readBundle(bundle), message) };
    },
  };
}

/** Passes the pieces on, as the reader reads them. */
async function* readBy(reader: MessageReader, pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    reader.update(piece);
    yield piece;
  }
}

function messageSignatureOf(message: Message, signature: Uint8Array) {
  return {
    messageDigest: { algorithm: 'SHA2_256', digest: message.digest('sha256').toString('base64') },
    signature: Buffer.from(signature).toString('base64'),
  } as const;
}
