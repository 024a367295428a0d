/** How much a command reports beside its result. */
export type Verbosity = 'quiet' | 'normal' | 'verbose' | 'debug';

/** Returns whether a CI system runs this process. */
export function isCi(): boolean {
  const { CI = '' } = process.env;
  return CI !== '' && CI !== 'false';
}

/** How much this process reports. */
class Reporting {
  #verbosity: Verbosity = 'normal';

  set verbosity(verbosity: Verbosity) {
    this.#verbosity = verbosity;
  }

  /** True if only the shortest result is to be printed, and no notes. */
  get isQuiet(): boolean {
    return this.#verbosity === 'quiet';
  }

  /**
   * True if progress may be shown on stderr: at a terminal that can show it, and not in the log of
   * a CI system, which keeps every line.
   */
  get showsProgress(): boolean {
    return process.stderr.isTTY && !this.isQuiet && process.env['TERM'] !== 'dumb' && !isCi();
  }
}

/** How much this process reports: main sets it before the command runs. */
export const reporting = new Reporting();
