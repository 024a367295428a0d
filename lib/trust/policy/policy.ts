import type { ProfileKind } from '#lib/profile/profile';
import type { PublicKey } from '../keys/key.ts';
import type { LogUse, SigstoreRoot } from '../roots/trusted-root.ts';
import { describeIdentity, type ExpectedIdentity } from '../signature/identity.ts';
import type { ExpectedProvenance } from './provenance.ts';

/**
 * Who may publish what, with all files read that it names. Nothing is allowed unless a rule allows
 * it.
 */
export interface TrustPolicy {
  /** The file that it came from, as messages name it. */
  readonly source: string;
  /** True where that file does not exist: then everything is denied. */
  readonly missing?: true;
  /** In file order; the first that matches decides. */
  readonly rules: readonly Rule[];
  /**
   * Hash of the whole policy file and of every file that it names (keys, baseline), hex: what was
   * decided under another revision is decided again.
   */
  readonly revision: string;
}

/** One rule: for which repositories and kinds it speaks, and what it asks for there. */
export interface Rule {
  /** Glob over `registry/repository` (see match.ts). */
  readonly match: string;
  /** Absent: any kind. */
  readonly kinds?: readonly ProfileKind[];
  /** Each must be met by a signature. Empty if, and only if, `unsigned`. */
  readonly require: readonly Requirement[];
  /** Each must be met by an attestation. */
  readonly attestations?: readonly AttestationRequirement[];
  /**
   * The repository (`registry/repository`) that a signature must say it was made for; `same` is the
   * one that was asked for.
   */
  readonly signedRepository?: string;
  /** True where the rule says in so many words that no signature is needed. */
  readonly unsigned: boolean;
  /** `line:column` in the policy file. */
  readonly position?: string;
}

/** Met when one of the alternatives is, or several by different signers. */
export interface Requirement {
  readonly anyOf: readonly Alternative[];
  /** How many different signers must meet an alternative, by default one. */
  readonly threshold?: number;
}

/** Met by a statement of this type about the artifact, from whom it must be. */
export interface AttestationRequirement {
  /** Predicate type, a URI. */
  readonly type: string;
  /** Who must have made it; absent: whoever meets an alternative of the rule's `require`. */
  readonly by?: Requirement;
  /** What SLSA provenance must say. */
  readonly provenance: ExpectedProvenance;
}

/** A requirement that one signature meets: by a key, or by an identity. */
export type Alternative = KeyRequirement | KeylessRequirement;

/** Met by a signature of this key. */
export interface KeyRequirement {
  /** The key file as the policy names it. */
  readonly key: string;
  readonly publicKey: PublicKey;
  /** Absent: entries in transparency logs are neither asked for nor looked at. */
  readonly log?: { readonly use: 'required' | 'optional'; readonly root: SigstoreRoot };
  readonly keyless?: undefined;
}

/** Met by a signature with a certificate of this identity, made while the certificate was valid. */
export interface KeylessRequirement {
  readonly keyless: ExpectedIdentity;
  readonly log: { readonly use: LogUse; readonly root: SigstoreRoot };
  readonly key?: undefined;
  readonly publicKey?: undefined;
}

/** Returns how messages name an alternative. */
export function describeAlternative(alternative: Alternative): string {
  return alternative.keyless === undefined ? `key ${alternative.key}` : describeIdentity(alternative.keyless);
}
