import { formatRepository } from '#lib/registry/reference';
import type { CatalogProfile } from './entry.ts';
import type { FacetCount, FacetName } from './search-query.ts';
import { signerNames } from './signer-name.ts';

/** The facets, in the order of their bits. */
export const facetNames: readonly FacetName[] = ['kind', 'signer', 'image', 'architecture'];

/** The values of a facet, with a number for each. */
export class FacetValues {
  readonly #numbers = new Map<string, number>();
  readonly #values: string[] = [];

  /** Returns the number of a value, a new one if it has none. */
  numberOf(value: string): number {
    const known = this.#numbers.get(value);
    if (known !== undefined) return known;
    const number = this.#values.push(value) - 1;
    this.#numbers.set(value, number);
    return number;
  }

  /** Returns the number of a value; -1, which no profile has, if it has none. */
  find(value: string): number {
    return this.#numbers.get(value) ?? -1;
  }

  get size(): number {
    return this.#values.length;
  }

  /** Returns the values that were counted, the most frequent first, then by name. */
  counted(counts: Int32Array): readonly FacetCount[] {
    const found: FacetCount[] = [];
    for (const [number, count] of counts.entries()) {
      if (count > 0) found.push({ value: this.#values[number] ?? '', count });
    }
    return found.sort((one, other) => other.count - one.count || (one.value < other.value ? -1 : 1));
  }
}

/** A profile, and what is compared with a query. */
export interface SearchRow {
  readonly profile: CatalogProfile;
  /** What words are looked for in, in lower case. */
  readonly text: string;
  /** Numbers of the values of each facet. */
  readonly facets: readonly (readonly number[])[];
}

/** Returns what a profile is found by. Values that are new are added to `values`. */
export function searchRow(profile: CatalogProfile, values: Readonly<Record<FacetName, FacetValues>>): SearchRow {
  const [newest] = profile.versions;
  const signers = signerNames(newest);
  const valuesOf: Readonly<Record<FacetName, readonly string[]>> = {
    kind: [newest.kind],
    signer: signers,
    image: newest.images,
    architecture: newest.architectures,
  };
  const words = [
    formatRepository(profile),
    newest.summary ?? '',
    ...newest.images,
    ...signers,
    ...profile.versions.flatMap(({ tags }) => tags),
    ...Object.values(newest.annotations),
  ];
  return {
    profile,
    text: [...new Set(words)].join('\n').toLowerCase(),
    facets: facetNames.map((name) => valuesOf[name].map((value) => values[name].numberOf(value))),
  };
}
