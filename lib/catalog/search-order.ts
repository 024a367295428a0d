import { FairleadError } from '#lib/errors';
import { formatRepository } from '#lib/registry/reference';
import { quote } from '#lib/text/quote';
import type { CatalogProfile } from './entry.ts';
import type { SearchSort } from './search-query.ts';

/**
 * The position of a profile in an order: what the order is by, then its repository. It depends on
 * this profile alone, so that a cursor stays valid while others come and go.
 */
export type SortKey = readonly [by: string | number, repository: string];

/** Returns the position of a profile in an order. */
export function sortKey(profile: CatalogProfile, sort: SearchSort): SortKey {
  const id = formatRepository(profile);
  switch (sort) {
    case 'name':
      return [profile.name, id];
    case 'updated':
      // Negative: the last published first, those without a time last.
      return [-Date.parse(profile.versions[0].created ?? '1970-01-01T00:00:00Z'), id];
    case 'calls':
      return [profile.versions[0].calls?.allowed ?? Number.MAX_SAFE_INTEGER, id];
  }
}

/** Compares positions in the same order. */
export function compareKeys([one, id]: SortKey, [other, otherId]: SortKey): number {
  if (one !== other) return one < other ? -1 : 1;
  return id === otherId ? 0 : id < otherId ? -1 : 1;
}

/** Most characters of a cursor: more than the longest names need. */
export const maxCursorLength = 1024;

/** Returns a position as text; readCursor is the inverse. */
export function writeCursor(sort: SearchSort, key: SortKey): string {
  return Buffer.from(JSON.stringify([sort, ...key])).toString('base64url');
}

/** Reads a cursor of an order. Throws InvalidInput for other text, and for one of another order. */
export function readCursor(text: string, sort: SearchSort): SortKey {
  const parsed = text.length > maxCursorLength ? undefined : parse(text);
  if (Array.isArray(parsed) && parsed.length === 3 && parsed[0] === sort) {
    const [, by, id]: readonly unknown[] = parsed;
    const isBy = sort === 'name' ? typeof by === 'string' : typeof by === 'number';
    if (isBy && typeof id === 'string') return [by as string | number, id];
  }
  throw new FairleadError('InvalidInput', `invalid cursor ${quote(text)}`, {
    hint: 'Use the cursor of a result for the same query and order, or omit it for the first page.',
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return undefined; // reported as an invalid cursor
  }
}
