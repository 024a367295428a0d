import { type Document, isCollection, parseDocument, visit } from 'yaml';

/** Where something is in an object. */
export type Path = readonly (string | number)[];

/**
 * A manifest that becomes a template of Helm: values and lines of it are replaced by actions.
 * Comments stay.
 */
export class Template {
  readonly #document: Document;
  readonly #replaced: { readonly marker: string; readonly action: string }[] = [];

  constructor(manifest: string) {
    // As Helm reads it: modes of files are octal.
    this.#document = parseDocument(manifest, { version: '1.1' });
  }

  /** Returns a value of the manifest. Throws an error if it is missing. */
  get(path: Path): unknown {
    if (!this.#document.hasIn(path)) throw new Error(`the manifest has no ${path.join('.')}`);
    const value = this.#document.getIn(path);
    return isCollection(value) ? value.toJS(this.#document) : value;
  }

  /** Returns the index in a sequence of the object with a name. Throws an error without one. */
  indexOf(path: Path, name: string): number {
    const at = (this.get(path) as readonly { readonly name: string }[]).findIndex((each) => each.name === name);
    if (at < 0) throw new Error(`${path.join('.')} of the manifest has no ${name}`);
    return at;
  }

  /** Replaces a value by an action. */
  set(path: Path, action: string): void {
    this.#document.setIn(path, this.#marker(action));
  }

  /** Adds lines, such as actions, to the end of a map or sequence. */
  append(path: Path, lines: string): void {
    if (Array.isArray(this.get(path))) this.#document.addIn(path, this.#marker(lines));
    else this.#document.setIn([...path, this.#marker(lines)], 0);
  }

  /** Removes the comments of a map or sequence. */
  removeComments(path: Path): void {
    const node = this.#document.getIn(path);
    if (!isCollection(node)) throw new Error(`${path.join('.')} of the manifest is no map or sequence`);
    visit(node, {
      Node: (_, each) => {
        each.comment = null;
        each.commentBefore = null;
      },
    });
  }

  /** Returns the text of the template. */
  toString(): string {
    const escaped = this.#document.toString({ lineWidth: 0 }).replaceAll('{{', '{{ "{{" }}');
    return this.#replaced.reduce((text, { marker, action }) => {
      const lines = new RegExp(`^( *)(?:- ${marker}|${marker}: 0)$`, 'm');
      if (lines.test(text)) return text.replace(lines, (_, indent: string) => action.replace(/^/gm, indent));
      return text.replace(marker, () => action);
    }, escaped);
  }

  #marker(action: string): string {
    const marker = `replaced-by-action-${this.#replaced.length}-`;
    this.#replaced.push({ marker, action });
    return marker;
  }
}
