/** Lines of a help that are longer than this are hard to read. */
const widest = 120;

/** A paragraph about exit codes, whose lines in the source are for a wide terminal. */
const exitCodes = /^Exit codes: .+(?:\n {2}\S.*)*/gm;

/**
 * Returns the columns of a help on this stream: those of the terminal, at most 120. For a file or
 * another program no line is wrapped.
 */
export function helpWidth(stream: { readonly isTTY?: boolean; readonly columns?: number }): number {
  if (!stream.isTTY) return Number.POSITIVE_INFINITY;
  return Math.min(stream.columns || 80, widest);
}

/** Returns a help with its paragraph about exit codes wrapped at a number of columns. */
export function wrapExitCodes(help: string, columns: number): string {
  return help.replaceAll(exitCodes, (paragraph) => wrap(paragraph.replaceAll(/\n {2}/g, ' '), columns));
}

function wrap(text: string, columns: number): string {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= columns) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(line === undefined ? word : `  ${word}`);
  }
  return lines.join('\n');
}
