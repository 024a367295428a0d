import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import { closest } from '#lib/text/closest';

/** The position of a value in the document: keys and indices from the top. */
export type Path = readonly (string | number)[];

/** A file that a configuration file names, and where it names it, as messages show it. */
export interface FileName {
  readonly path: string;
  readonly at: string;
}

/** A configuration, such as a trust policy, and how messages name the places in it. */
export abstract class ConfigDocument {
  /** The configuration as plain values; null if it is empty. */
  abstract readonly value: unknown;
  /** The hint of errors that have no other: where the format is documented. */
  protected readonly hint: string;

  constructor(hint: string) {
    this.hint = hint;
  }

  /** Returns the place of the value at a path within the document. */
  abstract position(path: Path): string;

  /** Returns the place of the value at a path, as messages begin with it. */
  abstract at(path: Path): string;

  /** Returns an InvalidInput about the value at a path. */
  error(path: Path, message: string, options: { hint?: string } = {}): FairleadError {
    return new FairleadError('InvalidInput', `${this.at(path)}: ${message}`, { hint: this.hint, ...options });
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
      return this.#fieldError(path, issue);
    }
    const key = String(path.at(-1));
    if (issue.received === 'undefined') return this.error(path.slice(0, -1), `${key} is missing`);
    if (issue.expected !== 'never') return this.#fieldError(path, issue);
    const parent = path.slice(0, -1).findLast((part) => typeof part === 'string') ?? '';
    const meant = closest(key, keysBelow(parent));
    const hint = meant === undefined ? this.hint : `Did you mean ${JSON.stringify(meant)}?`;
    const message = `unknown key ${JSON.stringify(key)}`;
    return new FairleadError('InvalidInput', `${this.atKey(path)}: ${message}`, { hint });
  }

  /** Returns an error about a field, with its valid values and the one that was probably meant. */
  #fieldError(path: Path, issue: v.BaseIssue<unknown>): FairleadError {
    const meant = typeof issue.input === 'string' ? closest(issue.input, allowedValues(issue)) : undefined;
    const hint = meant === undefined ? this.typeHint(path, issue) : `Did you mean ${JSON.stringify(meant)}?`;
    const message = `${this.fieldName(v.getDotPath(issue))}${issueText(issue)}`;
    return this.error(path, message, hint === undefined ? {} : { hint });
  }

  /** Returns the place of a key, rather than of its value. */
  protected atKey(path: Path): string {
    return this.at(path);
  }

  /** Returns how messages begin that name a field, unless their place does. */
  protected fieldName(_dotPath: string | null): string {
    return '';
  }

  /** Returns a hint for a value of another type than the schema has. */
  protected typeHint(_path: Path, _issue: v.BaseIssue<unknown>): string | undefined {
    return undefined;
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
