import type { HeldSignature } from '#lib/trust/signature/signature';
import { oneLine } from '../terminal/output.ts';

/** Describes who made a signature, on one line: a key or an identity, and the log entries. */
export function signerText({ key, keyFingerprint, certificate, logIndexes = [] }: HeldSignature): string {
  const signer =
    certificate === undefined
      ? `key ${key} (SHA-256 ${keyFingerprint})`
      : oneLine(`${certificate.identity} (issuer ${certificate.issuer})`);
  return logIndexes.length === 0 ? signer : `${signer}, log entry ${logIndexes.join(', ')}`;
}
