import type { Descriptor } from '#lib/registry/descriptor';
import { asksForJson, writeNote } from './output.ts';
import { reporting } from './verbosity.ts';

/** Erases a line of a terminal, and returns to its beginning (ECMA-48, EL and CR). */
const erase = '\r\u001b[K';
/** Blobs of fewer bytes are sent before a line about them could be read. */
const largeBytes = 1024 * 1024;
/** Characters of a digest that leave room for the figures. */
const shownDigest = 19;
/** Milliseconds between two states of the line of a terminal, and between two lines elsewhere. */
const redrawAfter = 100;
const lineAfter = 10_000;

interface Moving {
  readonly descriptor: Descriptor;
  bytes: number;
}

/**
 * Shows on stderr how far large blobs are: one line that is overwritten on a terminal, and
 * elsewhere a line every ten seconds.
 */
export class TransferProgress {
  readonly #moving = new Map<string, Moving>();
  #shownAt = performance.now();
  #isDrawn = false;

  /** Notes how many bytes of a blob were sent so far. */
  advance(descriptor: Descriptor, bytes: number): void {
    if (descriptor.size < largeBytes || reporting.isQuiet) return;
    this.#moving.set(descriptor.digest, { descriptor, bytes });
    const { showsProgress } = reporting;
    const now = performance.now();
    if (now - this.#shownAt < (showsProgress ? redrawAfter : lineAfter)) return;
    this.#shownAt = now;
    if (showsProgress) this.#draw();
    else if (!asksForJson(process.argv)) writeNote('note', this.#describe());
  }

  /** Ends the progress of a blob. Prints a line about it on a terminal. */
  finish({ digest }: Descriptor, line: string): void {
    this.#moving.delete(digest);
    if (!reporting.showsProgress) return;
    this.erase();
    process.stderr.write(`${line}\n`);
    if (this.#moving.size > 0) this.#draw();
  }

  /** Removes the line from the terminal. */
  erase(): void {
    if (this.#isDrawn) process.stderr.write(erase);
    this.#isDrawn = false;
  }

  #draw(): void {
    const { stderr } = process;
    // A terminal that does not know its width reports 0.
    const width = stderr.columns || 80;
    stderr.write(`${erase}${this.#describe().slice(0, width - 1)}`);
    this.#isDrawn = true;
  }

  #describe(): string {
    let [bytes, size] = [0, 0];
    for (const each of this.#moving.values()) {
      bytes += each.bytes;
      size += each.descriptor.size;
    }
    const [first] = this.#moving.keys();
    const what = this.#moving.size === 1 ? `${first?.slice(0, shownDigest)}…` : `${this.#moving.size} blobs`;
    return `sending  ${what}  ${megabytes(bytes)} of ${megabytes(size)} MB, ${Math.floor((100 * bytes) / size)} %`;
  }
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
