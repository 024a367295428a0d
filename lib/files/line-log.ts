import { constants } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import { FairleadError } from '#lib/errors';
import { escapeJson } from '#lib/text/quote';

/**
 * With O_NONBLOCK, a pipe without a reader is an error at once. Otherwise the work that is
 * recorded, and those who wait for it, would wait for its reader.
 */
const appending = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;

/** How a log is written. */
export interface LineLogOptions {
  /** Names the log in messages, such as `decision log`. */
  readonly name: string;
  /** Called with a record that could not be written. */
  readonly onError: (error: FairleadError, record: object) => void;
}

/**
 * A file to which records are appended, each as one line of JSON: their texts, which strangers may
 * have chosen, control no terminal.
 */
export class LineLog {
  readonly #path: string;
  readonly #options: LineLogOptions;
  /** Whether the file may end within a line. */
  #torn = false;

  /** Opens nothing. */
  constructor(path: string, options: LineLogOptions) {
    this.#path = path;
    this.#options = options;
  }

  /** Appends nothing, and creates the file if it does not exist. Throws InvalidInput. */
  async check(): Promise<void> {
    await this.#append('').catch((cause: unknown) => {
      throw this.#unwritable(cause);
    });
  }

  /** Appends a record. Never rejects: calls `onError`. */
  async write(record: object): Promise<void> {
    try {
      // A full disk may have taken a part of the last line.
      await this.#append(`${this.#torn ? '\n' : ''}${escapeJson(JSON.stringify(record))}\n`);
      this.#torn = false;
    } catch (cause) {
      this.#torn = true;
      this.#options.onError(this.#unwritable(cause), record);
    }
  }

  /** Opens the file for every line, so that it can be rotated at any time. */
  #append(text: string): Promise<void> {
    return appendFile(this.#path, text, { mode: 0o640, flag: appending });
  }

  #unwritable(cause: unknown): FairleadError {
    return new FairleadError('InvalidInput', `cannot write the ${this.#options.name} ${this.#path}`, { cause });
  }
}
