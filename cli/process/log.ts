import { fstatSync, writeSync } from 'node:fs';
import type { DestinationStream, Logger } from 'pino';
import { escapeJson } from '#lib/text/quote';
import { withFlags } from '../terminal/hints.ts';

const stdout = 1;
/**
 * How a pipe is written to: several lines at once, at the latest after 20 ms. Lines are lost if its
 * reader is 16 MiB behind.
 */
const pipe = { dest: stdout, sync: false, minLength: 4096, periodicFlush: 20, maxLength: 16 * 1024 * 1024 } as const;

/**
 * Opens the log of a service on stdout, one JSON object a line. Hints in it name flags. Its texts,
 * which strangers may have chosen, control no terminal. Lines that cannot be written to a file are
 * lost, and counted when it can be written again. No request waits for the reader of a pipe; what
 * it has not read at the end is written then.
 */
export async function openLog(name: string): Promise<Logger> {
  const { pino } = await import('pino');
  const options = { name, serializers: { hint: withFlags }, hooks: { streamWrite: escapeJson } };
  return pino(options, isFile() ? new LogFile() : pino.destination(pipe));
}

function isFile(): boolean {
  const stats = fstatSync(stdout);
  return !stats.isFIFO() && !stats.isSocket();
}

/**
 * A service goes on while the disk of its log is full. The output of pino would end the process,
 * and at the end try to write the rest again and again.
 */
class LogFile implements DestinationStream {
  #lost = 0;

  write(line: string): void {
    try {
      writeSync(stdout, this.#lost === 0 ? line : `${this.#losses()}\n${line}`);
      this.#lost = 0;
    } catch {
      this.#lost++;
    }
  }

  #losses(): string {
    return JSON.stringify({
      level: 50,
      time: Date.now(),
      lost: this.#lost,
      msg: 'lines of the log could not be written',
    });
  }
}
