import { positionsOf } from './positions.ts';

/** A member that a format does not have, or has in another letter case. */
export interface UnknownField {
  /** JSON pointer (RFC 6901). */
  readonly pointer: string;
  /** `source:line:column`. */
  readonly position: string;
  /**
   * The member that it was read as, since its name differs only in the case of letters; absent if
   * it was dropped.
   */
  readonly readAs?: string;
  /** The member that was probably meant: its name is close, and the object does not have it. */
  readonly meant?: string;
}

/** At most this many fields of either sort are kept. */
const most = 256;

interface Noted {
  readonly pointer: string;
  readonly at: number;
  readonly readAs?: string;
  readonly meant?: string;
}

/**
 * Collects unknown fields; their places are computed at the end, because each needs a pass over the
 * whole text.
 */
export class UnknownFields {
  readonly #dropped: Noted[] = [];
  readonly #respelled: Noted[] = [];

  /**
   * Notes a member that was dropped.
   *
   * @param parent the JSON pointer of the object that has the field.
   * @param at the offset of the field's name.
   * @param meant the member that was probably meant.
   */
  note(parent: string, name: string, at: number, meant?: string): void {
    if (this.#dropped.length < most)
      this.#dropped.push({ pointer: pointerTo(parent, name), at, ...(meant !== undefined && { meant }) });
  }

  /** Notes a member that was read as another, whose name differs only in the case of letters. */
  noteRespelled(parent: string, name: string, readAs: string, at: number): void {
    if (this.#respelled.length < most) this.#respelled.push({ pointer: pointerTo(parent, name), at, readAs });
  }

  /** Those that were dropped, then those that were read as others. */
  located(source: string, text: string): readonly UnknownField[] {
    const noted = [...this.#dropped, ...this.#respelled];
    const positions = positionsOf(
      text,
      source,
      noted.map(({ at }) => at),
    );
    return noted.map(({ at: _, ...field }, index) => ({ ...field, position: positions[index] as string }));
  }
}

function pointerTo(parent: string, name: string): string {
  return `${parent}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
