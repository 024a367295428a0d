import { writeSync } from 'node:fs';
import type { DestinationStream, Logger } from 'pino';
import { escapeJson } from '#lib/text/quote';
import { withFlags } from '../terminal/hints.ts';

const stdout = 1;
/** Most bytes that wait for the reader of a pipe. */
const mostWaiting = 16 * 1024 * 1024;
/** Milliseconds until a full pipe is written to again. */
const retryAfter = 10;
/** Milliseconds that the end of the process waits for the reader. */
const longestEnd = 3_000;

/**
 * Opens the log of a service on stdout, one JSON object a line. Hints in it name flags. Its texts,
 * which strangers may have chosen, control no terminal. The lines of one turn of the event
 * loop are written at its end, and when the process exits: only what kills it in between loses
 * them. No request waits for the reader of a pipe: what a full one does
 * not take is written later, and at the end of the process. Lines that cannot be written are lost,
 * and counted when the log can be written again.
 */
export async function openLog(name: string): Promise<Logger> {
  const { pino } = await import('pino');
  // The stream makes the descriptor of a pipe non-blocking.
  void process.stdout;
  const output = new LogOutput();
  process.on('exit', () => output.end());
  return pino({ name, serializers: { hint: withFlags }, hooks: { streamWrite: escapeJson } }, output);
}

/**
 * A service goes on while the disk of its log is full. The output of pino would end the process,
 * and at the end try to write the rest again and again.
 */
class LogOutput implements DestinationStream {
  #lost = 0;
  /** What a full pipe did not take, in order; the first may be a part of a line. */
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** Lines that are lost if what waits cannot be written. */
  #waitingLines = 0;

  write(line: string): void {
    if (this.#waitingBytes + line.length > mostWaiting) {
      this.#lost++;
      return;
    }
    const text = this.#lost === 0 ? line : `${this.#losses()}\n${line}`;
    this.#waitingLines += this.#lost + 1;
    this.#lost = 0;
    this.#wait(Buffer.from(text));
    // If others wait before it, their writing is scheduled. One write for each line would take a
    // third of the time of a request.
    if (this.#waiting.length === 1) setImmediate(() => this.#writeWaiting());
  }

  /** Writes what waits, for as long as a process may take to end. */
  end(): void {
    const deadline = Date.now() + longestEnd;
    const sleeper = new Int32Array(new SharedArrayBuffer(4));
    while (!this.#tryWriting() && Date.now() < deadline) Atomics.wait(sleeper, 0, 0, retryAfter);
  }

  #wait(bytes: Buffer): void {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
  }

  #writeWaiting(): void {
    if (!this.#tryWriting()) setTimeout(() => this.#writeWaiting(), retryAfter).unref();
  }

  /** Writes as much as stdout takes. Returns false if something waits still. */
  #tryWriting(): boolean {
    try {
      while (this.#waiting.length > 0) this.#writeSome();
      this.#waitingLines = 0;
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return false;
      this.#lost += this.#waitingLines;
      this.#waiting = [];
      [this.#waitingBytes, this.#waitingLines] = [0, 0];
      return true;
    }
  }

  #writeSome(): void {
    // Several lines at once, if a reader was behind.
    if (this.#waiting.length > 1) this.#waiting = [Buffer.concat(this.#waiting)];
    const [bytes] = this.#waiting as [Buffer];
    const written = writeSync(stdout, bytes);
    this.#waitingBytes -= written;
    this.#waiting = written < bytes.length ? [bytes.subarray(written)] : [];
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
