import { RegistryError } from './registry-error.ts';

/** Most names of a page. */
const mostNames = 1000;

/** A part of a sorted list (distribution-spec 1.1, "Listing Tags"). */
export interface NamePage {
  readonly names: readonly string[];
  /** The parameters of the next page; undefined on the last one. */
  readonly next: { readonly n: number; readonly last: string } | undefined;
}

/**
 * Returns the names after `last`, at most `n` of them. Throws PAGINATION_NUMBER_INVALID if `n` is
 * not a number.
 */
export function pageOf(
  sorted: readonly string[],
  { n, last }: { readonly n?: string | string[] | undefined; readonly last?: string | string[] | undefined },
): NamePage {
  if (n !== undefined && (typeof n !== 'string' || !/^[0-9]{1,9}$/.test(n))) {
    throw new RegistryError(400, 'PAGINATION_NUMBER_INVALID', 'invalid number of results', {
      hint: 'n is a number from 0.',
    });
  }
  const count = Math.min(n === undefined ? mostNames : Number(n), mostNames);
  const after = typeof last === 'string' ? sorted.filter((name) => name > last) : sorted;
  const names = after.slice(0, count);
  const end = names.at(-1);
  return { names, next: end !== undefined && names.length < after.length ? { n: count, last: end } : undefined };
}
