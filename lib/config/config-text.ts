import type * as v from 'valibot';
import { type Document, isMap, isNode, isScalar, LineCounter } from 'yaml';
import { FairleadError } from '#lib/errors';
import { composeDocuments } from '#lib/yaml/compose-documents';
import { ConfigDocument, type Path } from './config-document.ts';

/** The reader of a file limits its bytes. */
const limits = { depth: 64, words: Number.POSITIVE_INFINITY } as const;

/** The text of a configuration file, such as a trust policy, which finds the line of each value. */
export class ConfigText extends ConfigDocument {
  readonly value: unknown;
  readonly #source: string;
  readonly #lines = new LineCounter();
  readonly #document: Document;

  /**
   * `hint` is the hint of errors that have no other: where the format is documented. Throws
   * InvalidInput if the text is not YAML, or has aliases: no such file needs them, and they can
   * expand to huge documents, or is nested too deep.
   */
  constructor(text: string, source: string, hint: string) {
    super(hint);
    this.#source = source;
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

  protected override atKey(path: Path): string {
    return `${this.#source}:${this.#keyPosition(path)}`;
  }

  protected override fieldName(dotPath: string | null): string {
    return dotPath === null ? '' : `${dotPath}: `;
  }

  /** Returns the hint for text that YAML takes for a number or a boolean, such as a version 1.0. */
  protected override typeHint(path: Path, { expected, input }: v.BaseIssue<unknown>): string | undefined {
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
      throw new FairleadError('InvalidInput', error.summary, { cause: error, hint: this.hint });
    }
  }

  #invalid(offset: number, message: string): FairleadError {
    return new FairleadError('InvalidInput', `${this.#source}:${this.#lineColumn(offset)}: ${message}`, {
      hint: this.hint,
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
