/**
 * Reports whether an AppArmor glob stands for a name: a backtracking matcher over text, written
 * from apparmor.d(5), "Globbing", and from what apparmor_parser makes of stars that fill a
 * component. Shares no code with lib/.
 */
export function globMatches(glob: string, name: string): boolean {
  const bytes = Buffer.from(name, 'utf8').toString('latin1');
  return spread(glob).some((plain) => from(plain, 0, bytes, 0));
}

interface Token {
  readonly kind: 'one' | 'stars' | 'deepStars';
  readonly accepts: (character: string) => boolean;
}

const notSlash = (character: string): boolean => character !== '/';

/** Returns every choice of branches, as a list of tokens. */
function spread(glob: string): Token[][] {
  return alternatives(glob, { at: 0 }, glob, false);
}

function alternatives(glob: string, cursor: { at: number }, whole: string, inGroup: boolean): Token[][] {
  const branches: Token[][] = [];
  let current: Token[][] = [[]];
  while (cursor.at < glob.length) {
    const at = cursor.at;
    const sign = glob[at] ?? '';
    if (inGroup && (sign === ',' || sign === '}')) {
      branches.push(...current);
      cursor.at += 1;
      if (sign === '}') return branches;
      current = [[]];
      continue;
    }
    if (sign === '{') {
      cursor.at += 1;
      const choices = alternatives(glob, cursor, whole, true);
      current = current.flatMap((head) => choices.map((tail) => [...head, ...tail]));
      continue;
    }
    const tokens = simple(glob, cursor);
    current = current.map((head) => [...head, ...tokens]);
  }
  return [...branches, ...current];
}

function simple(glob: string, cursor: { at: number }): Token[] {
  const at = cursor.at;
  const sign = glob[at] ?? '';
  if (sign === '\\') {
    cursor.at += 2;
    const literal = glob[at + 1];
    return [{ kind: 'one', accepts: (character) => character === literal }];
  }
  if (sign === '*') {
    const run = /^\*+/.exec(glob.slice(at))?.[0].length ?? 1;
    cursor.at += run;
    const fills = glob[at - 1] === '/' && (glob[at + run] === undefined || glob[at + run] === '/');
    const star: Token = run === 1 ? { kind: 'stars', accepts: notSlash } : { kind: 'deepStars', accepts: () => true };
    return fills ? [{ kind: 'one', accepts: notSlash }, star] : [star];
  }
  if (sign === '[') {
    const end = glob.indexOf(']', at);
    cursor.at = end + 1;
    const pattern = new RegExp(`^[${glob.slice(at + 1, end).replace(/[\\&~|/]/g, '\\$&')}]$`, 's');
    return [{ kind: 'one', accepts: (character) => pattern.test(character) }];
  }
  cursor.at += 1;
  if (sign === '?') return [{ kind: 'one', accepts: notSlash }];
  return [{ kind: 'one', accepts: (character) => character === sign }];
}

function from(tokens: readonly Token[], t: number, name: string, n: number): boolean {
  const token = tokens[t];
  if (token === undefined) return n === name.length;
  const character = name[n];
  const takes = character !== undefined && token.accepts(character);
  if (token.kind === 'one') return takes && from(tokens, t + 1, name, n + 1);
  return from(tokens, t + 1, name, n) || (takes && from(tokens, t, name, n + 1));
}
