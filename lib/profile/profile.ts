import type { SeccompProfile } from './seccomp/model.ts';
import type { UnknownField } from './seccomp/parse.ts';

/** What a profile limits, and in which language it is written. */
export type ProfileKind = 'Seccomp' | 'AppArmor';

/** A profile, parsed. The kind is decided once, by readProfile; nothing after it looks at bytes to find out. */
export type Profile = {
  readonly kind: 'Seccomp';
  readonly seccomp: SeccompProfile;
  /** What the reader did not know and dropped; lint tells of it. */
  readonly unknownFields?: readonly UnknownField[];
};

/** Something that lint noticed: never an obstacle to publishing by itself. */
export interface Finding {
  /** Stable code for CI, e.g. `unknown-syscall`. */
  readonly code: string;
  readonly severity: 'warning' | 'info';
  readonly message: string;
  /** JSON pointer into the profile (RFC 6901). */
  readonly pointer: string;
}
