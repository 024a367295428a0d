import { accessSync, closeSync, constants, openSync, readSync } from 'node:fs';

const path = '/dev/kmsg';

/** Returns why this process cannot read the log of the kernel; false if it can. */
export function kernelLogProblem(): string | false {
  try {
    accessSync(path, constants.R_OK);
    return false;
  } catch {
    return `${path} cannot be read`;
  }
}

/** The records of the kernel's log since it was opened. */
export class KernelLog {
  readonly #file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  readonly #buffer = Buffer.alloc(8192);
  readonly #records: string[] = [];

  /** Opens the log of this machine, after the last record that it has. */
  constructor() {
    this.records();
    this.#records.length = 0;
  }

  /** Returns the text of every record until now. */
  records(): readonly string[] {
    for (;;) {
      try {
        const length = readSync(this.#file, this.#buffer);
        this.#records.push(this.#buffer.toString('utf8', 0, length));
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'EAGAIN') return this.#records;
        // EPIPE: records were overwritten before they were read; the next read goes on after them.
        if (code !== 'EPIPE') throw error;
      }
    }
  }

  close(): void {
    closeSync(this.#file);
  }
}
