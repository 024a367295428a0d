/** Characters of a text that are shown. */
const mostCharacters = 170;
/** Units of a text that are looked at: more than the characters that are shown can have. */
const mostUnits = 8192;

/**
 * Characters that are not shown as they are: controls, those that change the direction of text, and
 * those that take no space, except the joiners and variation selectors of languages and emoji.
 */
const unshown = /(?!\u200C|\u200D|\uFE0E|\uFE0F)[\p{Cc}\p{Cf}\p{Cs}\p{DI}\p{Zl}\p{Zp}]/gu;

/** Marks after a letter, from the third. Joiners are among them: they would hide a second run. */
const furtherMarks = /(?<=[\p{M}\u200C\u200D]{2})[\p{M}\u200C\u200D]+/gu;

/** A text of a publisher as it can be shown. */
export interface PublisherText {
  readonly text: string;
  /** Whether characters were replaced, which the page has to state. */
  readonly replaced: boolean;
}

/**
 * Returns a text of a publisher as it can be shown: on one line, with control characters and those
 * that change the direction of text as U+FFFD, at most two marks after a letter, and its first 170
 * characters, or as many as are given.
 */
export function publisherText(given: string, most = mostCharacters): PublisherText {
  const line = given
    .slice(0, mostUnits)
    .replace(/[\t\n\r ]+/g, ' ')
    .trim();
  const plain = line.replace(unshown, '\uFFFD');
  const characters = Array.from(plain.replace(furtherMarks, ''));
  const cut = characters.length > most || given.length > mostUnits;
  const shown = characters.slice(0, most).join('');
  return { text: cut ? `${shown.trimEnd()}…` : shown, replaced: plain !== line };
}
