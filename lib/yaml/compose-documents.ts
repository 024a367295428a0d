import {
  Composer,
  type CST,
  type Document,
  type DocumentOptions,
  Lexer,
  type ParseOptions,
  Parser,
  type SchemaOptions,
} from 'yaml';
import { FairleadError } from '#lib/errors';

/** What a text may have at most. */
export interface YamlLimits {
  /** Levels of lists and maps. */
  readonly depth: number;
  /** Words and signs, such as a bracket. A block of text is one, and a line of a list has six. */
  readonly words: number;
}

/**
 * Returns the documents of a YAML stream, or one empty document for an empty stream. Errors and
 * warnings are in the documents. The limits hold before something is composed, which takes a call
 * for each level, and some microseconds and a kilobyte for a word.
 *
 * @param onNewLine is called with the offset of each line
 * @throws FairleadError LimitExceeded, with `source:line:column` of what is nested too deep.
 */
export function composeDocuments(
  text: string,
  source: string,
  limits: YamlLimits,
  options: ParseOptions & DocumentOptions & SchemaOptions,
  onNewLine?: (offset: number) => void,
): readonly [Document.Parsed, ...Document.Parsed[]] {
  const tokens = limitedTokens(text, source, limits, onNewLine);
  // By `true` it composes an empty document of nothing.
  const [first, ...others] = new Composer(options).compose(tokens, true, text.length);
  return [first as Document.Parsed, ...others];
}

const collections: readonly CST.Token['type'][] = ['block-map', 'block-seq', 'flow-collection'];

function* limitedTokens(
  text: string,
  source: string,
  { depth, words }: YamlLimits,
  onNewLine?: (offset: number) => void,
): Generator<CST.Token, void> {
  const parser = new Parser(onNewLine);
  onNewLine?.(0);
  let count = 0;
  for (const lexeme of new Lexer().lex(text)) {
    count += 1;
    if (count > words) throw new FairleadError('LimitExceeded', `${source}: more than ${words} words and signs`);
    yield* parser.next(lexeme);
    // At the bottom is the document.
    const { length } = parser.stack;
    const top = parser.stack.at(-1);
    if (length > depth + 1 && top !== undefined && collections.includes(top.type)) {
      const place = placeOf(text, source, top.offset);
      throw new FairleadError('LimitExceeded', `${place}: nested deeper than ${depth} levels`);
    }
  }
  yield* parser.end();
}

function placeOf(text: string, source: string, at: number): string {
  const before = text.slice(0, at);
  return `${source}:${before.split('\n').length}:${at - before.lastIndexOf('\n')}`;
}
