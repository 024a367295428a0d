/** Characters that groff would replace by typographic ones, or read as commands. */
const escapes: Readonly<Record<string, string>> = {
  '\\': '\\(rs',
  '-': '\\-',
  "'": '\\(aq',
  '`': '\\(ga',
  '^': '\\(ha',
  '~': '\\(ti',
};

/** Returns text for a page in roff that shows these characters, and nothing else. */
export function roffText(text: string): string {
  const escaped = Array.from(text, (character) => {
    const code = character.codePointAt(0) ?? 0;
    if (code > 126) return `\\[u${code.toString(16).toUpperCase().padStart(4, '0')}]`;
    return escapes[character] ?? character;
  }).join('');
  // A line that begins with a point is a request.
  return escaped.replaceAll(/^\./gm, '\\&.');
}

/** Returns text in which `code` in backticks is bold. */
export function roffProse(text: string): string {
  return text
    .split(/`([^`]+)`/)
    .map((part, index) => (index % 2 === 1 ? bold(part) : roffText(part)))
    .join('');
}

/** Returns bold text. */
export function bold(text: string): string {
  return `\\fB${roffText(text)}\\fR`;
}

/** Returns a term of a synopsis: its words are bold, and the names of its values in italics. */
export function roffTerm(term: string): string {
  return term
    .split(/(<[^>]*>|\[[^\]<]*\])/)
    .map((part, index) => {
      if (index % 2 === 0) return part.replaceAll(/[^\s,]+/g, bold);
      const [open, close] = part.startsWith('[') ? ['[', ']'] : ['', ''];
      return `${open}\\fI${roffText(part.slice(1, -1))}\\fR${close}`;
    })
    .join('');
}

/** Returns an argument of a macro, in quotation marks. */
export function roffQuoted(text: string): string {
  return `"${text.replaceAll('"', '\\(dq')}"`;
}
