/** A place in a text: lines and columns are counted from 1, columns in UTF-16 units. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** The place of a value in a text: the name of a member, or the first word of an item. */
export interface Place extends Position {
  /** The column after the last character of the word, on the same line. */
  readonly endColumn: number;
  /** JSON pointer into the text as it is written (RFC 6901). */
  readonly pointer: string;
}

/** Finds the parts of a profile in the text that it was read from. */
export interface ProfilePlaces {
  /**
   * Returns the places of JSON pointers into the profile. What the text does not have is at the
   * nearest place above.
   */
  readonly ofProfile: (pointers: readonly string[]) => readonly Place[];
  /** Returns the places of JSON pointers into the text as it is written. */
  readonly ofText: (pointers: readonly string[]) => readonly Place[];
}
