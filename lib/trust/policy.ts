import type { ProfileKind } from '#lib/profile/profile';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import type { PublicKey } from './key.ts';

/** Who may publish what, and what nodes apply it over: the trust policy, with all its files read. Nothing is allowed unless a rule allows it. */
export interface TrustPolicy {
  /** The file that it came from, as messages name it. */
  readonly source: string;
  /** In file order; the first that matches decides. */
  readonly rules: readonly Rule[];
  readonly baseline: Baseline;
  readonly limits: Limits;
  /** Hash of everything that went in (policy, keys, baseline), hex: what was decided under another revision is decided anew. */
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
  /** True where the rule says in so many words that no signature is needed. */
  readonly unsigned: boolean;
  /** `line:column` in the policy file. */
  readonly position?: string;
}

/** Met when one of the alternatives is. */
export interface Requirement {
  readonly anyOf: readonly KeyRequirement[];
}

/** Met by a signature of this key. Transparency log entries are not asked for. */
export interface KeyRequirement {
  /** The key file as the policy names it. */
  readonly key: string;
  readonly publicKey: PublicKey;
}

/** What an artifact's profile is intersected with on a node. */
export interface Baseline {
  readonly seccomp: 'RuntimeDefault' | SeccompProfile;
}

export interface Limits {
  /** Most bytes of a profile. KEP-6061 names 1 MiB. */
  readonly artifactBytes: number;
  /** Most entries of a seccomp profile that name the same syscall. KEP-6061 names 128. */
  readonly entriesPerSyscall: number;
}

export const defaultLimits: Limits = { artifactBytes: 1024 * 1024, entriesPerSyscall: 128 };
