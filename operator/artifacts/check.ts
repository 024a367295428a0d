import type { Comparison } from './compare-profiles.ts';

/** An artifact that the trust policy allows. */
export interface VerifiedArtifact {
  /** `registry/repository@digest`. */
  readonly reference: string;
  readonly digest: string;
  readonly kind: string;
  /** Bytes of the profile. */
  readonly size: number;
  readonly signers: readonly ArtifactSigner[];
  /** The pattern of the rule that allows it. */
  readonly rule: string;
}

/** A signer of an artifact: a key of the policy, or an identity. */
export interface ArtifactSigner {
  readonly key?: string;
  readonly identity?: string;
  readonly issuer?: string;
  readonly logIndex?: string;
}

/** Why an artifact is not used. */
export interface Refusal {
  /** What the name stands for now, if that is known. */
  readonly digest?: string | undefined;
  /** A word for programs. */
  readonly reason: string;
  /** For people, with the next step. */
  readonly message: string;
  /** Whether it is a decision, not a failure that may pass, such as of a registry. */
  readonly isDecision: boolean;
}

/** Which artifact it is: enough to pull it again. */
export type ArtifactIdentity = Pick<VerifiedArtifact, 'reference' | 'digest' | 'kind'>;

/** What the registry has now, and how it differs from what was in force last if it is another. */
export interface FoundArtifact extends VerifiedArtifact {
  readonly comparison?: Comparison;
}

/** What was found out about the artifact of an object, under one policy. */
export interface ArtifactCheck {
  /** The revision of the policy; undefined if it was not known. */
  readonly policy: string | undefined;
  /** The artifact in force, if it was verified again. */
  readonly inForce?: VerifiedArtifact | Refusal;
  /** What was in force last and was withdrawn, if nothing is in force. */
  readonly withdrawn?: VerifiedArtifact | Refusal;
  /** What the registry has now, if it was asked. */
  readonly found?: FoundArtifact | Refusal;
}

/** Reports whether an artifact is refused. */
export function isRefusal(one: VerifiedArtifact | Refusal): one is Refusal {
  return 'reason' in one;
}
