import { FairleadError } from '#lib/errors';

/** A lexical element of CIL with its offset. Comments and white space are gone. */
export interface CilToken {
  readonly type: 'open' | 'close' | 'symbol' | 'string';
  readonly at: number;
  /** The symbol, or the text between the quotes; for parentheses empty. */
  readonly text: string;
}

/** Returns `source:line:column` of an offset, both counted from 1. */
export function cilPosition(text: string, source: string, at: number): string {
  const before = text.slice(0, at);
  return `${source}:${before.split('\n').length}:${at - before.lastIndexOf('\n')}`;
}

/**
 * Characters of a symbol in the compiler's lexer. Names have fewer; those that have not are told so
 * by name.
 */
const symbolCharacters = /[A-Za-z0-9[\].@=/*\-_$%+!|&^:~`#{}'<>?,]+/y;
const blank = /(?:[ \t\n]|\r\n)+/y;
const quoted = /"([^"\r\n]*)"/y;
const comment = /;[^\r\n]*/y;

/**
 * What may stand nowhere, not even in a comment: control characters, and those that make a text
 * look different from what it is (bidirectional overrides, invisible line ends). A carriage return
 * alone ends a line for the compiler, and a comment with it, yet not for most editors.
 */
const deceptive = /(?![\t\n]|\r\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/**
 * Splits CIL into tokens as libsepol's lexer does (cil_lexer.l), less what it tolerates and a
 * reader would not expect.
 *
 * @param source how messages call the text.
 * @throws FairleadError ProfileInvalid with `source:line:column`.
 */
export function* cilTokens(text: string, source: string): Generator<CilToken, void, undefined> {
  const fail = (at: number, what: string): never => {
    throw new FairleadError('ProfileInvalid', `${cilPosition(text, source, at)}: ${what}`);
  };
  const found = deceptive.exec(text);
  if (found !== null) fail(found.index, `${spell(found[0])} is not allowed in a policy`);
  const match = (expression: RegExp, at: number): RegExpExecArray | null => {
    expression.lastIndex = at;
    return expression.exec(text);
  };
  for (let at = 0; at < text.length; ) {
    const character = text[at] as string;
    if (character === '(' || character === ')') {
      yield { type: character === '(' ? 'open' : 'close', at, text: '' };
      at += 1;
      continue;
    }
    const space = match(blank, at);
    if (space !== null) {
      at += space[0].length;
      continue;
    }
    if (character === ';') {
      // Marks of lines of another language: statements to the compiler, although they look like
      // comments.
      if (text.startsWith(';;*', at) && (at === 0 || text[at - 1] === '\n'))
        fail(at, 'line marks (";;*") are not accepted');
      at += match(comment, at)?.[0].length ?? 1;
      continue;
    }
    if (character === '"') {
      const string = match(quoted, at);
      if (string === null) return fail(at, 'unterminated string');
      yield { type: 'string', at, text: string[1] ?? '' };
      at += string[0].length;
      continue;
    }
    const symbol = match(symbolCharacters, at);
    if (symbol === null) {
      return fail(at, `${spell(String.fromCodePoint(text.codePointAt(at) ?? 0))} is allowed only in a comment`);
    }
    yield { type: 'symbol', at, text: symbol[0] };
    at += symbol[0].length;
  }
}

function spell(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const number = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
  if (code === 0x0d) return `a carriage return (${number}) without a line feed`;
  return `the character ${/\p{L}|\p{P}|\p{S}/u.test(character) ? `${JSON.stringify(character)} (${number})` : number}`;
}
