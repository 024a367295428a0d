import type { Direction } from './seccomp/algebra/compare.ts';

/** One respect in which a profile became laxer or stricter. */
export interface Change {
  /**
   * A syscall's name, one called through another (`socketcall(bind)`), `defaultAction`,
   * `architectures`, `flags` or `listener`.
   */
  readonly subject: string;
  /**
   * `loosened` and `tightened` as strictness goes; `changed` is another errno, a listener that is
   * gone, or a flag that only reports.
   */
  readonly direction: Direction;
  /** What held, and what holds now, for people. */
  readonly from: string;
  readonly to: string;
  /** For which arguments or machines, for people; absent where for all. */
  readonly where?: string;
}
