import * as v from 'valibot';
import { type Document, isMap, isNode, isScalar, LineCounter } from 'yaml';
import { FairleadError } from '#lib/errors';
import { closest } from '#lib/text/closest';
import { composeDocuments } from '#lib/yaml/compose-documents';

/** The position of a value in the document: keys and indices from the top. */
export type Path = readonly (string | number)[];

/** A file that a configuration file names, and where it names it: `source:line:column`. */
export interface FileName {
  readonly path: string;
  readonly at: string;
}

/** Whoever reads a file limits its bytes. */
const limits = { depth: 64, words: Number.POSITIVE_INFINITY } as const;

/** The text of a configuration file, such as a trust policy, which finds the line of each value. */
export class ConfigText {
  /** The document as plain values; null if it is empty. */
  readonly value: unknown;
  readonly #source: string;
  readonly #hint: string;
  readonly #lines = new LineCounter();
  readonly #document: Document;

  /**
   * `hint` is the hint of errors that have no other: where the format is documented. Throws
   * InvalidInput if the text is not YAML, or has aliases: no such file needs them, and they can
   * expand to huge documents, or is nested too deep.
   */
  constructor(text: string, source: string, hint: string) {
    this.#source = source;
    this.#hint = hint;
    // The schema of YAML 1.2, even if the text specifies %YAML 1.1, in which `yes` is true and `<<`
    // merges other keys.
    const options = { prettyErrors: false, uniqueKeys: true, schema: 'core' } as const;
    const [first, second] = this.#composed(text, options);
    this.#document = first;
    const [problem] = [...first.errors, ...first.warnings];
    if (problem !== undefined) throw this.#invalid(problem.pos[0], problem.message);
    if (second !== undefined) throw this.#invalid(second.range[0], 'more than one YAML document: want one');
    try {
      this.value = this.#document.toJS({ maxAliasCount: 0 });
    } catch (cause) {
      throw new FairleadError('InvalidInput', `${source}: YAML aliases (*name) are not allowed`, {
        cause,
        hint: 'Replace each alias with the value that it refers to.',
      });
    }
  }

  /** Returns `line:column` of the value at a path, or of the closest value around it. */
  position(path: Path): string {
    for (let length = path.length; length > 0; length--) {
      const node = this.#document.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range) return this.#lineColumn(node.range[0]);
    }
    return '1:1';
  }

  /** Returns `source:line:column` of the value at a path. */
  at(path: Path): string {
    return `${this.#source}:${this.position(path)}`;
  }

  /** Returns an InvalidInput about the value at a path. */
  error(path: Path, message: string, options: { hint?: string } = {}): FairleadError {
    return new FairleadError('InvalidInput', `${this.at(path)}: ${message}`, { hint: this.#hint, ...options });
  }

  /**
   * Returns an InvalidInput for what a schema refused: the first unknown key, with the one that was
   * probably meant, since it often explains the rest; otherwise the first invalid field.
   * `keysBelow` returns the keys that are valid below a key; '' is the top.
   */
  schemaError(
    issues: readonly [v.BaseIssue<unknown>, ...v.BaseIssue<unknown>[]],
    keysBelow: (parent: string) => readonly string[],
  ): FairleadError {
    const issue = issues.find(({ type, expected }) => type === 'strict_object' && expected === 'never') ?? issues[0];
    const path = (issue.path ?? []).map(({ key }) => key as string | number);
    if (issue.type !== 'strict_object' || path.length === 0) {
      const field = v.getDotPath(issue);
      return this.#fieldError(path, field, issue);
    }
    const key = String(path.at(-1));
    if (issue.received === 'undefined') return this.error(path.slice(0, -1), `${key} is missing`);
    if (issue.expected !== 'never') return this.#fieldError(path, v.getDotPath(issue), issue);
    const parent = path.slice(0, -1).findLast((part) => typeof part === 'string') ?? '';
    const meant = closest(key, keysBelow(parent));
    const hint = meant === undefined ? this.#hint : `Did you mean ${JSON.stringify(meant)}?`;
    const message = `unknown key ${JSON.stringify(key)}`;
    const at = `${this.#source}:${this.#keyPosition(path)}`;
    return new FairleadError('InvalidInput', `${at}: ${message}`, { hint });
  }

  /** Returns an error about a field, with its valid values and the one that was probably meant. */
  #fieldError(path: Path, field: string | null, issue: v.BaseIssue<unknown>): FairleadError {
    const meant = typeof issue.input === 'string' ? closest(issue.input, allowedValues(issue)) : undefined;
    const hint = meant === undefined ? this.#quotingHint(path, issue) : `Did you mean ${JSON.stringify(meant)}?`;
    const message = `${field === null ? '' : `${field}: `}${issueText(issue)}`;
    return this.error(path, message, hint === undefined ? {} : { hint });
  }

  /** Returns the hint for text that YAML takes for a number or a boolean, such as a version 1.0. */
  #quotingHint(path: Path, { expected, input }: v.BaseIssue<unknown>): string | undefined {
    if (expected !== 'string' || (typeof input !== 'number' && typeof input !== 'boolean')) return undefined;
    const node = this.#document.getIn(path, true);
    const written = isScalar(node) ? node.source : undefined;
    return `YAML reads this as a ${typeof input}. Quote it: ${JSON.stringify(written ?? String(input))}`;
  }

  #composed(...[text, options]: [string, Parameters<typeof composeDocuments>[3]]) {
    try {
      return composeDocuments(text, this.#source, limits, options, this.#lines.addNewLine);
    } catch (error) {
      if (!(error instanceof FairleadError)) throw error;
      throw new FairleadError('InvalidInput', error.summary, { cause: error, hint: this.#hint });
    }
  }

  #invalid(offset: number, message: string): FairleadError {
    return new FairleadError('InvalidInput', `${this.#source}:${this.#lineColumn(offset)}: ${message}`, {
      hint: this.#hint,
    });
  }

  #keyPosition(path: Path): string {
    const parent = path.length === 1 ? this.#document.contents : this.#document.getIn(path.slice(0, -1), true);
    const pair = isMap(parent) ? parent.items.find(({ key }) => isNode(key) && String(key) === path.at(-1)) : undefined;
    return isNode(pair?.key) && pair.key.range ? this.#lineColumn(pair.key.range[0]) : this.position(path);
  }

  #lineColumn(offset: number): string {
    const { line, col } = this.#lines.linePos(offset);
    return `${line}:${col}`;
  }
}

/** The types of the schema, in the terms of YAML. */
const inWords: Readonly<Record<string, string>> = {
  Array: 'a list',
  Object: 'a mapping',
  string: 'a string',
  number: 'a number',
  boolean: 'true or false',
  null: 'empty',
};

/** Returns the values that a schema lists; none if it requires a type. */
function allowedValues({ expected }: v.BaseIssue<unknown>): string[] {
  return [...(expected ?? '').matchAll(/"([^"]*)"/g)].map(([, value = '']) => value);
}

/**
 * Returns what is wrong with a value: the message of the schema, or else the value and what the
 * schema requires.
 */
function issueText(issue: v.BaseIssue<unknown>): string {
  const [, what, expected = '', received = ''] =
    /^Invalid ([a-z]+): Expected (.+) but received (.+)$/s.exec(issue.message) ?? [];
  if (issue.type === 'integer') return `invalid value ${String(issue.input).slice(0, 100)}: want a whole number`;
  if (what === undefined) return issue.message;
  const values = allowedValues(issue);
  const wanted = expected.replace(/^\(|\)$/g, '').split(' | ');
  const one =
    values.length > 0
      ? `${values.length > 1 ? 'one of ' : ''}${values.join(', ')}`
      : wanted.map((each) => inWords[each] ?? each.replace(/^>=/, 'at least ').replace(/^<=/, 'at most ')).join(' or ');
  const type = inWords[received];
  const given = type === undefined ? received.slice(0, 100) : `(${type})`;
  return `invalid ${what === 'length' ? 'length' : 'value'} ${given}: want ${one}`;
}
