const quotedOrOption = /"(?:[^"\\]|\\.)*"|(?<![^\s(])`([^`]+)`(?![^\s,.;:)])/g;

/**
 * Returns a hint with other names for the options that it names in backticks: what its readers set.
 * Other words in backticks stay as they are, and so does all that is in double quotes: that is text
 * of others, such as a file name or what a registry answered.
 */
export function nameOptions(hint: string, names: Readonly<Record<string, string>>): string {
  return hint.replace(quotedOrOption, (whole, option?: string) =>
    option !== undefined && Object.hasOwn(names, option) ? (names[option] ?? whole) : whole,
  );
}
