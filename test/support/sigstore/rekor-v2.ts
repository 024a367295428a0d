import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { json } from '@sigstore/core';

/** A log of Rekor v2: a Merkle tree, whose head is signed with Ed25519. */
export interface RekorV2 {
  /** The log in a trusted root. */
  readonly instance: object;
  /**
   * Enters the body of `POST /api/v2/log/entries`. Returns the entry with the proof that it is in
   * the tree.
   */
  enter(request: HashedRekordRequest): object;
}

/** The members of the request that are read. */
export interface HashedRekordRequest {
  readonly hashedRekordRequestV002: { readonly digest: string; readonly signature: object };
}

/** Starts an empty log; `baseUrl` names it in checkpoints (C2SP tlog-checkpoint, signed-note). */
export function rekorV2(baseUrl: string, start: string): RekorV2 {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const origin = new URL(baseUrl).host;
  const keyId = createHash('sha256').update(`${origin}\n\x01`).update(spki.subarray(-32)).digest();
  const leaves: Buffer[] = [];

  function checkpoint(): string {
    const note = `${origin}\n${leaves.length}\n${treeHash(leaves).toString('base64')}\n`;
    const signature = Buffer.concat([keyId.subarray(0, 4), sign(null, Buffer.from(note), privateKey)]);
    return `${note}\n— ${origin} ${signature.toString('base64')}\n`;
  }

  return {
    instance: {
      baseUrl,
      hashAlgorithm: 'SHA2_256',
      publicKey: { rawBytes: spki.toString('base64'), keyDetails: 'PKIX_ED25519', validFor: { start } },
      logId: { keyId: keyId.toString('base64') },
    },
    enter({ hashedRekordRequestV002: { digest, signature } }) {
      const spec = { hashedRekordV002: { data: { algorithm: 'SHA2_256', digest }, signature } };
      const body = Buffer.from(json.canonicalize({ apiVersion: '0.0.2', kind: 'hashedrekord', spec }));
      leaves.push(hash(0, body));
      const logIndex = String(leaves.length - 1);
      return {
        logIndex,
        logId: { keyId: keyId.toString('base64') },
        kindVersion: { kind: 'hashedrekord', version: '0.0.2' },
        integratedTime: '0',
        inclusionProof: {
          logIndex,
          rootHash: treeHash(leaves).toString('base64'),
          treeSize: String(leaves.length),
          hashes: auditPath(leaves.length - 1, leaves).map((each) => each.toString('base64')),
          checkpoint: { envelope: checkpoint() },
        },
        canonicalizedBody: body.toString('base64'),
      };
    },
  };
}

/** Returns the root hash of a Merkle tree (RFC 6962, 2.1). */
function treeHash(leaves: readonly Buffer[]): Buffer {
  const [only = hash(0)] = leaves;
  if (leaves.length <= 1) return only;
  const split = splitOf(leaves.length);
  return hash(1, treeHash(leaves.slice(0, split)), treeHash(leaves.slice(split)));
}

function auditPath(index: number, leaves: readonly Buffer[]): Buffer[] {
  if (leaves.length <= 1) return [];
  const split = splitOf(leaves.length);
  return index < split
    ? [...auditPath(index, leaves.slice(0, split)), treeHash(leaves.slice(split))]
    : [...auditPath(index - split, leaves.slice(split)), treeHash(leaves.slice(0, split))];
}

/** Returns the largest power of two below the count. */
function splitOf(count: number): number {
  return 2 ** Math.ceil(Math.log2(count) - 1);
}

function hash(prefix: number, ...parts: readonly Buffer[]): Buffer {
  return createHash('sha256')
    .update(Buffer.concat([Buffer.from([prefix]), ...parts]))
    .digest();
}
