import { createHash } from 'node:crypto';

/** The answer of Rekor v1 to a new entry. */
export interface LogEntry {
  readonly body: string;
  readonly integratedTime: number;
  readonly logID: string;
  readonly logIndex: number;
  readonly verification: {
    readonly signedEntryTimestamp: string;
    readonly inclusionProof: {
      readonly logIndex: number;
      readonly rootHash: string;
      readonly treeSize: number;
      readonly hashes: readonly string[];
      readonly checkpoint: string;
    };
  };
}

/**
 * Returns the entry of Rekor v1 for a signature of bytes, with its verifier (PEM).
 */
export function hashedRekord(message: Uint8Array, signature: Buffer, verifier: string): object {
  const content = Buffer.from(verifier).toString('base64');
  const hash = { algorithm: 'sha256', value: createHash('sha256').update(message).digest('hex') };
  return {
    apiVersion: '0.0.1',
    kind: 'hashedrekord',
    spec: { data: { hash }, signature: { content: signature.toString('base64'), publicKey: { content } } },
  };
}

/**
 * Returns the entry of Rekor v1 for a DSSE envelope: hashes, the signature, and its verifier (PEM
 * in base64).
 */
export function dsseEntry(envelope: string, verifier: string): object {
  const { payload, signatures } = JSON.parse(envelope);
  const sha256 = (bytes: Uint8Array): object => ({
    algorithm: 'sha256',
    value: createHash('sha256').update(bytes).digest('hex'),
  });
  return {
    apiVersion: '0.0.1',
    kind: 'dsse',
    spec: {
      envelopeHash: sha256(Buffer.from(envelope)),
      payloadHash: sha256(Buffer.from(payload, 'base64')),
      signatures: [{ signature: signatures[0].sig, verifier }],
    },
  };
}
