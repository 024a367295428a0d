import type { KeyObject } from 'node:crypto';
import { ASN1Obj } from '@sigstore/core';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { type Signer, type TrustMaterial, toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';
import { FairleadError } from '#lib/errors';
import { type CertificateIdentity, type Claim, claimOids } from './identity.ts';
import { verifyBytes } from './key-algorithm.ts';
import type { SigstoreRoot } from './policy.ts';
import type { SignedContent } from './signed-content.ts';

const mediaTypes = [
  'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
  'application/vnd.dev.sigstore.trustedroot.v0.2+json',
];

/**
 * Reads a Sigstore trusted root (JSON): the certificate authorities, logs and timestamp authorities that keyless signatures
 * are checked against, offline. Throws InvalidInput for another format, and for a log without a start of validity: its key,
 * unlike a certificate, has no dates of its own.
 */
export function readTrustedRoot(bytes: Uint8Array): SigstoreRoot {
  let root: TrustedRoot;
  let trust: TrustMaterial;
  try {
    root = TrustedRoot.fromJSON(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
    if (!mediaTypes.includes(root.mediaType)) throw new Error(`its media type is ${JSON.stringify(root.mediaType)}`);
    const logs = [...root.tlogs, ...root.ctlogs];
    if (logs.some(({ publicKey }) => publicKey?.validFor?.start === undefined)) {
      throw new Error('a log in it has no start of validity');
    }
    trust = toTrustMaterial(root);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FairleadError('InvalidInput', `not a Sigstore trusted root: ${reason}`, { cause });
  }
  return {
    verifyCertificate: (content, log) => {
      const options = { tlogThreshold: log === 'required' ? 1 : 0, ctlogThreshold: 1, timestampThreshold: 1 };
      const { signer, logIndexes } = verify(content, trust, options, log === 'off');
      return { certificate: certificateIdentity(signer), logIndexes };
    },
    verifyKey: (content, key, log) => {
      const withKey: TrustMaterial = { ...trust, publicKey: () => ({ publicKey: key, validFor: () => true }) };
      const options = { tlogThreshold: log === 'required' ? 1 : 0, ctlogThreshold: 0, timestampThreshold: 0 };
      return verify(content, withKey, options, false).logIndexes;
    },
  };
}

function verify(
  content: SignedContent,
  trust: TrustMaterial,
  options: ConstructorParameters<typeof Verifier>[1],
  withoutLog: boolean,
): { signer: Signer; logIndexes: readonly string[] } {
  try {
    const entity = toSignedEntity(content.bundle(), Buffer.from(content.signed));
    const { signature, timestamps } = entity;
    const tlogEntries = withoutLog ? [] : entity.tlogEntries;
    const signer = new Verifier(trust, options).verify({
      ...entity,
      tlogEntries,
      timestamps: withoutLog ? timestamps.filter(({ $case }) => $case === 'timestamp-authority') : timestamps,
      signature: {
        // The verifier looks at this one only for what a timestamp is over.
        signature: Buffer.from(content.timestamped),
        compareSignature: (other) => signature.compareSignature(other),
        compareDigest: (digest) => signature.compareDigest(digest),
        compareSignedDigest: (digest) => signature.compareSignedDigest(digest),
        // The verifier knows SHA-256 only; keys on larger curves sign with larger hashes too.
        verifySignature: (key: KeyObject) => verifyBytes(key, content.signed, content.signature),
      },
    });
    return { signer, logIndexes: tlogEntries.map(({ logIndex }) => logIndex) };
  } catch (cause) {
    if (cause instanceof FairleadError) throw cause;
    // The verifier throws errors of many kinds at what is malformed; none of them may pass for anything but a refusal.
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FairleadError('SignatureInvalid', `it does not verify: ${reason}`, { cause });
  }
}

function certificateIdentity({ identity }: Signer): CertificateIdentity {
  const claims: Partial<Record<Claim, string>> = {};
  for (const [claim, oid] of Object.entries(claimOids) as [Claim, string][]) {
    const found = identity?.oids?.find((pair) => pair.oid?.id.join('.') === oid);
    if (found !== undefined) claims[claim] = utf8String(found.value);
  }
  const issuer = identity?.extensions?.issuer;
  const name = identity?.subjectAlternativeName;
  if (!issuer || !name) throw new FairleadError('SignatureInvalid', 'its certificate names no identity or no issuer');
  return { issuer, identity: name, claims };
}

/** The text in an extension's value (DER UTF8String). */
function utf8String(der: Buffer): string {
  try {
    return ASN1Obj.parseBuffer(Buffer.from(der)).value.toString('utf8');
  } catch (cause) {
    throw new FairleadError('SignatureInvalid', 'its certificate has a malformed claim', { cause });
  }
}
