import type { Alternative, KeylessRequirement, KeyRequirement } from '../policy/policy.ts';
import type { SignedContent } from '../signature/read/signed-content.ts';
import type { SignedBy } from '../signature/signature.ts';
import { assertIdentity } from './checks/identity.ts';
import { assertMadeWith } from './checks/made-with.ts';
import { assertSignedWithKey } from './checks/signing-key.ts';

/** Checks what was signed. Throws SignatureInvalid. */
export type ContentCheck = (content: SignedContent) => void;

/** The part of a signer by which it is told apart from others. */
export type SignerName = Pick<SignedBy, 'keyFingerprint' | 'certificate'>;

/** What a signature is verified for: one requirement, together with other signatures. */
export interface Trial {
  readonly checkContent: ContentCheck;
  /** Reports whether a signature of this signer would add anything. */
  isNeeded(signer: SignerName): boolean;
  /** Counts a certificate or log entry to be verified. Throws SignatureInvalid if too many were. */
  countVerification(): void;
}

/**
 * Verifies one signature with one alternative of a requirement. What costs much, certificates and
 * logs, comes last, because anyone with write access to the repository can leave a thousand
 * signatures beside an artifact. Returns undefined for a signer that is not needed. Throws
 * SignatureInvalid.
 */
export function verifySignature(content: SignedContent, alternative: Alternative, trial: Trial): SignedBy | undefined {
  return alternative.keyless === undefined
    ? verifyWithKey(content, alternative, trial)
    : verifyKeyless(content, alternative, trial);
}

function verifyWithKey(
  content: SignedContent,
  { key, publicKey, log }: KeyRequirement,
  trial: Trial,
): SignedBy | undefined {
  const keyFingerprint = publicKey.fingerprint;
  assertMadeWith(content, 'key');
  assertSignedWithKey(content, publicKey);
  trial.checkContent(content);
  if (!trial.isNeeded({ keyFingerprint })) return undefined;
  if (log === undefined) return { key, keyFingerprint };
  trial.countVerification();
  return { key, keyFingerprint, ...log.root.verifyKey(content, publicKey.key, log.use) };
}

function verifyKeyless(
  content: SignedContent,
  { keyless, log }: KeylessRequirement,
  trial: Trial,
): SignedBy | undefined {
  assertMadeWith(content, 'certificate');
  const certificate = log.root.claimedIdentity(content);
  assertIdentity(certificate, keyless);
  trial.checkContent(content);
  if (!trial.isNeeded({ certificate })) return undefined;
  trial.countVerification();
  return log.root.verifyCertificate(content, log.use);
}
