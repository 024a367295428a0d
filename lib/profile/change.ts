import type { Place } from './place.ts';

/**
 * How a difference is judged: `loosened` and `tightened` as strictness goes; `changed` is another
 * errno, a removed listener, or a flag that only reports.
 */
export type Direction = 'loosened' | 'tightened' | 'changed';

/** One respect in which a profile became laxer or stricter. */
export interface Change {
  /**
   * A syscall's name, one called through another (`socketcall(bind)`), `defaultAction`,
   * `architectures`, `flags` or `listener`; what an AppArmor or SELinux profile grants.
   */
  readonly subject: string;
  readonly direction: Direction;
  /** What applied, and what applies now, to be shown. */
  readonly from: string;
  readonly to: string;
  /** For which arguments or machines, to be shown; absent if for all. */
  readonly where?: string;
  /**
   * Where the new profile permits or denies it: its entry, or the default if no entry does. Absent
   * if that profile was read without its places.
   */
  readonly place?: Place;
}

/** How two profiles differ in meaning, not in writing. */
export interface ProfileDiff {
  /** The profile as a whole first, then subjects by name. */
  readonly changes: readonly Change[];
  /** Subjects that are written in another way and mean the same. */
  readonly rewritten: readonly string[];
}
