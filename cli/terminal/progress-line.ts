import { withoutCommands } from './output.ts';
import { reporting } from './verbosity.ts';

/** Erases a line of a terminal, and returns to its beginning (ECMA-48, EL and CR). */
const erase = '\r\u001b[K';

/**
 * Shows on stderr how many of several things are done: one line that is overwritten on a terminal,
 * with a bar, and a line for each elsewhere. Shows nothing for a single one.
 */
export class ProgressLine {
  readonly #all: number;
  #done = 0;

  constructor(all: number) {
    this.#all = all;
  }

  /** Counts one more; `describe` returns the line about it. */
  advance(describe: (done: number, all: number) => string): void {
    this.#done++;
    if (this.#all < 2 || reporting.isQuiet) return;
    const line = describe(this.#done, this.#all);
    const { stderr } = process;
    if (!reporting.showsProgress) {
      stderr.write(`${withoutCommands(line)}\n`);
      return;
    }
    const width = 20;
    const filled = Math.round((width * this.#done) / this.#all);
    const text = `[${'#'.repeat(filled)}${'.'.repeat(width - filled)}] ${line}`;
    stderr.write(`${erase}${text.slice(0, Math.max(0, stderr.columns - 1))}`);
  }

  /** Removes the line from a terminal. */
  end(): void {
    if (this.#all >= 2 && reporting.showsProgress) process.stderr.write(erase);
  }
}
