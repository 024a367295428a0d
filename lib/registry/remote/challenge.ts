/**
 * One challenge of a WWW-Authenticate header (RFC 9110, 11.6.1), with scheme and parameter names in
 * lower case.
 */
export interface Challenge {
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const parameter = new RegExp(`^(${token})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|(${token}))`);
const scheme = new RegExp(`^(${token})(?:\\s+|(?=,)|$)`);

/**
 * Parses the challenges of a WWW-Authenticate header, which may be several on one line. Anything
 * that cannot be parsed ends the list.
 */
export function parseChallenges(header: string): Challenge[] {
  const challenges: { scheme: string; parameters: Record<string, string> }[] = [];
  let rest = header.trim();
  while (rest !== '') {
    const pair = parameter.exec(rest);
    const current = challenges.at(-1);
    if (pair?.[1] !== undefined && current !== undefined) {
      current.parameters[pair[1].toLowerCase()] = pair[2]?.replace(/\\(.)/g, '$1') ?? pair[3] ?? '';
      rest = rest.slice(pair[0].length).replace(/^[\s,]+/, '');
      continue;
    }
    const name = scheme.exec(rest);
    if (name?.[1] === undefined) break;
    challenges.push({ scheme: name[1].toLowerCase(), parameters: Object.create(null) as Record<string, string> });
    rest = rest.slice(name[0].length).replace(/^[\s,]+/, '');
  }
  return challenges;
}
