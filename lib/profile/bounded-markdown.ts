/**
 * The longest Markdown, in bytes: a comment on a pull request has at most 65,536 characters, and
 * the summary of a step 1 MiB.
 */
const maxBytes = 60_000;

/** Markdown that is not longer than platforms accept. */
export class BoundedMarkdown {
  readonly #parts: string[] = [];
  #left = maxBytes;

  /** Adds a part and what separates it from the next; returns false if it does not fit. */
  add(part: string, separator = '\n\n'): boolean {
    const bytes = Buffer.byteLength(part + separator);
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    this.#parts.push(part, separator);
    return true;
  }

  /** Returns the text, with a line that states what was left out, if anything was. */
  finish(omitted?: string): string {
    return `${[...this.#parts, omitted ?? ''].join('').trimEnd()}\n`;
  }
}
