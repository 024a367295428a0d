/**
 * Longest name that the CIL compiler takes is 2047 (CIL_MAX_NAME_LENGTH); real ones have some 40
 * characters.
 */
const longestName = 255;

/** What the CIL compiler takes as the name of a declaration (libsepol, cil_verify_name). */
const identifier = /^[A-Za-z][A-Za-z0-9_-]*$/;
const qualified = /^[A-Za-z][A-Za-z0-9_-]*(?:\.[A-Za-z][A-Za-z0-9_-]*)*$/;

/**
 * Words that are operators or references, not names, where CIL expects a name: `(file (all))` is
 * every permission, `(file (not read))` every one but read, `notself` every type but one's own.
 */
const operators: ReadonlySet<string> = new Set([
  ...['all', 'and', 'or', 'xor', 'not', 'eq', 'neq', 'range', 'dom', 'domby', 'incomp'],
  ...['self', 'notself', 'other'],
]);

/** Why a text cannot be the name of something, ready for a message; undefined when it can. */
export type NameProblem = string | undefined;

/**
 * Returns what is wrong with the name of a type or attribute in a rule: `var_log_t`, or in another
 * block `other.process`.
 */
export function typeNameProblem(name: string): NameProblem {
  if (name === 'self') return 'is a keyword of CIL: write "@self" for the process of the profile';
  return problem(name, qualified, 'a letter, then letters, digits, "_" and "-", parts joined by "."');
}

/**
 * Returns what is wrong with the name of a class or permission. They are never in a block, so they
 * have no dots.
 */
export function plainNameProblem(name: string): NameProblem {
  return problem(name, identifier, plainWords);
}

/**
 * Returns what is wrong with the name of a profile as the name of its CIL block; in Kubernetes,
 * names may begin with a digit and hold dots.
 */
export function blockNameProblem(name: string): NameProblem {
  return spellingProblem(name, identifier, plainWords);
}

const plainWords = 'a letter, then letters, digits, "_" and "-"';

function problem(name: string, grammar: RegExp, inWords: string): NameProblem {
  return (
    spellingProblem(name, grammar, inWords) ?? (operators.has(name) ? 'is an operator of CIL, not a name' : undefined)
  );
}

function spellingProblem(name: string, grammar: RegExp, inWords: string): NameProblem {
  if (name === '') return 'must not be empty';
  if (name.length > longestName) return `is longer than ${longestName} characters`;
  return grammar.test(name) ? undefined : `is not a valid name in CIL: want ${inWords}`;
}
