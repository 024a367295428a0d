import { TrustedRoot } from '@sigstore/protobuf-specs';
import { type TrustMaterial, toTrustMaterial } from '@sigstore/verify';
import { FairleadError } from '#lib/errors';
import { SigstoreVerifier } from './sigstore-verifier.ts';
import type { SigstoreRoot } from './trusted-root.ts';

const mediaTypes = [
  'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
  'application/vnd.dev.sigstore.trustedroot.v0.2+json',
];

/**
 * Reads a Sigstore trusted root (JSON): the certificate authorities, logs and timestamp authorities
 * that signatures are checked against, offline. Throws InvalidInput for another format, and for a
 * log without a start of validity: its key, unlike a certificate, has no dates of its own.
 */
export function readTrustedRoot(bytes: Uint8Array): SigstoreRoot {
  return new SigstoreVerifier(trustMaterial(bytes));
}

function trustMaterial(bytes: Uint8Array): TrustMaterial {
  try {
    const root = TrustedRoot.fromJSON(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
    if (!mediaTypes.includes(root.mediaType)) throw new Error(`its media type is ${JSON.stringify(root.mediaType)}`);
    const logs = [...root.tlogs, ...root.ctlogs];
    if (logs.some(({ publicKey }) => publicKey?.validFor?.start === undefined)) {
      throw new Error('a log in it has no start of validity');
    }
    return toTrustMaterial(root);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FairleadError('InvalidInput', `not a Sigstore trusted root: ${reason}`, { cause });
  }
}
