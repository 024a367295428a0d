/** The profiles that hold for one container, in the order of KEP-6061. */
export type ProfileInput = 'baseline' | 'base' | 'artifact';

/** One respect in which the effective profile is stricter than what the artifact asked for. */
export interface Constraint {
  /**
   * Seccomp: a syscall's name, `defaultAction`, `architectures`, `flags` or `listener`. AppArmor:
   * `mode`, `executable`, `filesystem`, `network`, `capability`, or one access: `read /path`,
   * `network tcp`, `capability kill`.
   */
  readonly subject: string;
  /** The input that constrained it. */
  readonly input: ProfileInput;
  /** What the artifact asked for, for people: `SCMP_ACT_ALLOW`. */
  readonly from: string;
  /** What holds instead. */
  readonly to: string;
  /**
   * False if the result is stricter than every input, because the format cannot express the exact
   * result.
   */
  readonly exact: boolean;
}
