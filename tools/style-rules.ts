/** Columns within which the line of a comment ends. */
const commentWidth = 100;

/** A place in a file that does not keep to the style. */
export interface StyleFault {
  readonly line: number;
  readonly message: string;
}

/**
 * Returns the comment lines that are too wide. A comment behind code belongs to the line of code,
 * which the formatter wraps. A command in a comment (indented) stays on one line, and so may a word
 * that fits on no line, such as an address.
 */
export function wideComments(text: string): StyleFault[] {
  return text.split('\n').flatMap((line, index) => {
    const [, words = ''] = /^\s*(?:(?:\/\/|\/\*\*?|\*(?!\/)) ?|# )(\S.*)$/.exec(line) ?? [];
    const width = Array.from(line).length;
    if (width <= commentWidth || !/\s/.test(words.trim())) return [];
    return [{ line: index + 1, message: `a comment of ${width} columns: wrap it at ${commentWidth}` }];
  });
}
