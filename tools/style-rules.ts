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

/** Phrases that are unclear, and what to write. Regular expressions; a space is any white space. */
const phrases: readonly (readonly [phrase: string, instead: string])[] = [
  ['unless told(?: otherwise)?', 'by default'],
  ['makes? no sense', 'invalid'],
  ['(?:certificate|key|root|timestamp|token) is over', 'expired'],
  ['(?<!there )(?:is|are) none(?! of)', 'is invalid, is not a …, does not exist'],
  ['there (?:is|are|was|were) none(?! of)', 'if none exists, if it does not exist, or undefined'],
  ['what is no', 'what is not a …'],
  ['(?<!there )is no (?:digest|directory|file|folder|JSON|manifest|number|place|profile|reference|YAML)', 'is not a …'],
  ['so many', 'at most 16, after 16 seconds'],
  ['is there already', 'exists'],
  ['(?:what )?became (?:of|what)', 'the result for, the outcome of'],
  ['but for (?:his|its|the|their)', 'except'],
  ['is no markup', 'is not …'],
  ['mend(?:s|ed|ing)?', 'fix'],
  ['(?<=(?:for|of|since) )who (?:asks|publishes|pulls|signs|verifies)', 'the signer, the caller'],
  ['whoever', 'the caller, the process that …, anyone with …'],
  ['(?:any|some)body', 'another user, another program, a client, anyone with …'],
  // The user account is not a person.
  ['(?<![`:])nobody(?!`|:x:)', 'not … by any client, no other user'],
  ['no one', 'not … by any client, no other user'],
  ['however many', 'any number of'],
  ['counts? as(?! (?:soon|well))', 'is treated as'],
];

/** White space between two words, which in a comment may be the beginning of its next line. */
const gap = '\\s+(?:(?://|\\*|#)\\s+)?';
const patterns = phrases.map(([phrase, instead]) => ({
  pattern: new RegExp(`\\b${phrase.replaceAll(' ', gap)}(?!\\w)`, 'gi'),
  instead,
}));

/** Returns the phrases in comments, strings and prose that are unclear. */
export function unclearPhrases(text: string): StyleFault[] {
  return patterns
    .flatMap(({ pattern, instead }) =>
      Array.from(text.matchAll(pattern), ({ index, 0: found }) => ({
        line: text.slice(0, index).split('\n').length,
        message: `"${found.replaceAll(new RegExp(gap, 'g'), ' ')}" is unclear: write "${instead}"`,
      })),
    )
    .toSorted((a, b) => a.line - b.line);
}
