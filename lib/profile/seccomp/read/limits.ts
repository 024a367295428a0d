/** Counts beyond which a profile is refused before anything else is done with it. */
export const limits = {
  entries: 16_384,
  names: 65_536,
  different: 4_096,
  arguments: 65_536,
  words: 64,
  textLength: 4_096,
};
