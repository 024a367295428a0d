import type { ProfileKind } from '#lib/profile/profile';
import type { PublicKey } from '../keys/key.ts';
import type { LogUse, SigstoreRoot } from '../roots/trusted-root.ts';
import { describeIdentity, type ExpectedIdentity } from '../signature/identity.ts';
import type { ExpectedProvenance } from './provenance.ts';

/**
 * Who may publish what, with the contents of all files that it names. Nothing is allowed unless a
 * rule allows it.
 */
export interface TrustPolicy {
  /** Its file or object, as messages name it. */
  readonly source: string;
  /** True if that does not exist, so that everything is denied. */
  readonly missing?: true;
  /** In file order; the first that matches decides. */
  readonly rules: readonly Rule[];
  /**
   * Hash of the policy file and of every file that it names (keys, baseline), hex. Decisions under
   * another revision are made again.
   */
  readonly revision: string;
}

/** Returns the file or object of a policy, without a note that it does not exist or is invalid. */
export function policyPlace({ source }: Pick<TrustPolicy, 'source'>): string {
  return source.replace(/ \(which [^()]*\)$/, '');
}

/** A rule: the repositories and kinds that it applies to, and what it requires of them. */
export interface Rule {
  /** Glob over `registry/repository` (see match.ts). */
  readonly match: string;
  /** The kinds that the rule covers; every kind if absent. */
  readonly kinds?: readonly ProfileKind[];
  /** Each must be met by a signature. Empty if and only if `unsigned` is true. */
  readonly require: readonly Requirement[];
  /** Each must be met by an attestation. */
  readonly attestations?: readonly AttestationRequirement[];
  /**
   * The repository (`registry/repository`) that signatures must name; `same` is the repository of
   * the reference.
   */
  readonly signedRepository?: string;
  /** True if nodes may log what a profile refuses, instead of refusing it (`mode=log`). */
  readonly log?: true;
  /** True if the rule explicitly requires no signature. */
  readonly unsigned: boolean;
  /** `line:column` in the policy file, or the field of the object. */
  readonly position?: string;
  /** True if no policy has it: it stands for the signer that a caller named. */
  readonly isImplied?: true;
}

/** Met if one of its alternatives is met, or if `threshold` different signers meet one. */
export interface Requirement {
  readonly anyOf: readonly Alternative[];
  /** How many different signers must meet an alternative. The default is one. */
  readonly threshold?: number;
}

/** Met by an attestation of this type about the artifact, by the required signer. */
export interface AttestationRequirement {
  /** Predicate type, a URI. */
  readonly type: string;
  /** Who must sign it. If absent, anyone who meets an alternative of the rule's `require`. */
  readonly by?: Requirement;
  /** What SLSA provenance must state. */
  readonly provenance: ExpectedProvenance;
}

/** A key or an identity whose signature meets a requirement. */
export type Alternative = KeyRequirement | KeylessRequirement;

/** Met by a signature of this key. */
export interface KeyRequirement {
  /** The key file as the policy names it, or the fingerprint of a key in the policy itself. */
  readonly key: string;
  readonly publicKey: PublicKey;
  /** If absent, entries in transparency logs are neither required nor checked. */
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

/** Returns the name of an alternative in messages. */
export function describeAlternative(alternative: Alternative): string {
  return alternative.keyless === undefined ? `key ${alternative.key}` : describeIdentity(alternative.keyless);
}
