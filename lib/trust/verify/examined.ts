import type { Digest } from '#lib/registry/digest';
import type { HeldSignature, Signature } from '../signature/signature.ts';

/**
 * What came of one requirement of a rule: what it asks for, which signatures meet it, and why
 * others do not.
 */
export interface Examined {
  /** The predicate type, if an attestation is required. */
  readonly attestation?: string;
  /** The alternatives, of which one is enough, as messages describe them. */
  readonly wanted: readonly string[];
  /** The number of different signers that are required. */
  readonly threshold: number;
  /** One signature of each signer; the requirement is met if they reach the threshold. */
  readonly held: readonly HeldSignature[];
  /** What was refused before enough signatures were found; all of them, if too few were. */
  readonly refused: readonly RefusedSignature[];
}

/** Why a signature does not meet a requirement. */
export interface RefusedSignature {
  readonly format: Signature['format'];
  readonly manifest: Digest;
  /** The alternative that it was verified with. */
  readonly wanted: string;
  readonly reason: string;
}

/** Reports whether a requirement is met. */
export function isMet({ held, threshold }: Examined): boolean {
  return held.length >= Math.max(threshold, 1);
}

/** Returns what a requirement asks for, in words. */
export function describeRequirement({ attestation, wanted, threshold }: Examined): string {
  const signers = wanted.join(' or ');
  const by = threshold > 1 ? `${threshold} different signers of: ${signers}` : signers;
  return attestation === undefined ? by : `an attestation ${attestation} by ${by}`;
}
