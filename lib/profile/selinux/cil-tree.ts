import { FairleadError } from '#lib/errors';
import { cilPosition, cilTokens } from './cil-tokens.ts';

/** An s-expression with the offset where it begins. */
export type CilNode = CilSymbol | CilString | CilList;

export interface CilSymbol {
  readonly type: 'symbol';
  readonly at: number;
  readonly text: string;
}

export interface CilString {
  readonly type: 'string';
  readonly at: number;
  readonly text: string;
}

export interface CilList {
  readonly type: 'list';
  readonly at: number;
  readonly items: readonly CilNode[];
}

/** What a text may cost before it is refused. */
export interface CilLimits {
  /** UTF-16 units. */
  readonly length: number;
  /** Lists in lists. */
  readonly depth: number;
  /** Lists, symbols and strings together. */
  readonly nodes: number;
}

/**
 * Parses a text into its top-level lists. Iterative: a hostile text costs memory in proportion to
 * its length, no stack.
 *
 * @param source how messages call the text.
 * @throws FairleadError ProfileInvalid with `source:line:column`; LimitExceeded.
 */
export function cilTree(text: string, source: string, limits: CilLimits): CilList[] {
  const fail = (at: number, what: string): never => {
    throw new FairleadError('ProfileInvalid', `${cilPosition(text, source, at)}: ${what}`);
  };
  const tooMuch = (at: number, what: string): never => {
    throw new FairleadError('LimitExceeded', `${cilPosition(text, source, at)}: ${what}`);
  };
  if (text.length > limits.length) {
    throw new FairleadError(
      'LimitExceeded',
      `${source}: ${text.length} characters are more than the limit of ${limits.length}`,
    );
  }
  const top: CilList[] = [];
  const open: { readonly type: 'list'; readonly at: number; readonly items: CilNode[] }[] = [];
  let nodes = 0;
  for (const token of cilTokens(text, source)) {
    const parent = open.at(-1);
    if (token.type === 'close') {
      if (parent === undefined) return fail(token.at, 'a ")" without its "("');
      open.pop();
      continue;
    }
    nodes += 1;
    if (nodes > limits.nodes) return tooMuch(token.at, `more than ${limits.nodes} words and lists`);
    if (token.type === 'open') {
      if (open.length >= limits.depth) return tooMuch(token.at, `nested deeper than ${limits.depth} levels`);
      const list = { type: 'list' as const, at: token.at, items: [] };
      if (parent === undefined) top.push(list);
      else parent.items.push(list);
      open.push(list);
    } else if (parent === undefined) {
      return fail(token.at, 'only comments are allowed outside of parentheses');
    } else {
      parent.items.push({ type: token.type, at: token.at, text: token.text });
    }
  }
  const unclosed = open.at(-1);
  if (unclosed !== undefined) return fail(unclosed.at, 'this "(" has no ")"');
  return top;
}
