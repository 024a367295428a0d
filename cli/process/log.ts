import { fstatSync, writeSync } from 'node:fs';
import type { DestinationStream, Logger } from 'pino';
import { withFlags } from '../terminal/hints.ts';

const stdout = 1;

/**
 * Opens the log of a service on stdout, one JSON object a line. Hints in it name flags. Lines that
 * cannot be written to a file are lost, and counted when it can be written again.
 */
export async function openLog(name: string): Promise<Logger> {
  const { pino } = await import('pino');
  const options = { name, serializers: { hint: withFlags } };
  return isFile() ? pino(options, new LogFile()) : pino(options);
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
