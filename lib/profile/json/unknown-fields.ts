import { positionsOf } from './positions.ts';

/** A field that the format does not have; it is dropped. */
export interface UnknownField {
  /** JSON pointer (RFC 6901). */
  readonly pointer: string;
  /** `source:line:column`. */
  readonly position: string;
}

/** Of more than so many unknown fields only the first are told. */
const most = 256;

/** Collects unknown fields; where they stand is found out at the end, since each would take a look at the whole text. */
export class UnknownFields {
  readonly #fields: { readonly pointer: string; readonly at: number }[] = [];

  /**
   * @param parent the JSON pointer of the object that has the field.
   * @param at the offset of the field's name.
   */
  note(parent: string, name: string, at: number): void {
    if (this.isFull) return;
    this.#fields.push({ pointer: `${parent}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`, at });
  }

  /** Whether others would not be kept. */
  get isFull(): boolean {
    return this.#fields.length >= most;
  }

  /** Takes those of another over, after its own. */
  move(others: UnknownFields): void {
    if (others.#fields.length === 0) return;
    this.#fields.push(...others.#fields.slice(0, most - this.#fields.length));
    others.#fields.length = 0;
  }

  located(source: string, text: string | Uint8Array): readonly UnknownField[] {
    const offsets = this.#fields.map(({ at }) => at);
    const positions = positionsOf(text, source, offsets);
    return this.#fields.map(({ pointer }, index) => ({ pointer, position: positions[index] as string }));
  }
}
