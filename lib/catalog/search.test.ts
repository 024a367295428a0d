import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FairleadError } from '#lib/errors';
import { formatRepository } from '#lib/registry/reference';
import { arbitraryEntries, catalogEntry } from '../../test/support/catalog-entries.ts';
import type { CatalogEntry, CatalogProfile } from './entry.ts';
import { groupEntries } from './group-entries.ts';
import { CatalogSearch } from './search.ts';
import type { FacetName, SearchQuery } from './search-query.ts';
import { signerNames } from './signer-name.ts';

const facets: Readonly<Record<FacetName, (profile: CatalogProfile) => readonly string[]>> = {
  kind: ({ versions: [newest] }) => [newest.kind],
  signer: ({ versions: [newest] }) => signerNames(newest),
  image: ({ versions: [newest] }) => newest.images,
  architecture: ({ versions: [newest] }) => newest.architectures,
};
const facetNames = Object.keys(facets) as FacetName[];

/** What matches, without an index: every condition, for every profile. */
function naiveMatches(profile: CatalogProfile, query: SearchQuery, except?: FacetName): boolean {
  const { versions } = profile;
  const [newest] = versions;
  const texts = [
    formatRepository(profile),
    ...[newest.summary ?? '', ...newest.images, ...signerNames(newest), ...Object.values(newest.annotations)],
    ...versions.flatMap(({ tags }) => tags),
  ].map((text) => text.toLowerCase());
  const words = (query.text ?? '').toLowerCase().split(/\s+/).filter(Boolean);
  const { annotation } = query;
  return (
    words.every((word) => texts.some((text) => text.includes(word))) &&
    (annotation === undefined ||
      (Object.hasOwn(newest.annotations, annotation.key) &&
        (annotation.value === undefined || newest.annotations[annotation.key] === annotation.value))) &&
    facetNames.every((name) => {
      const value = query[name];
      return name === except || value === undefined || facets[name](profile).includes(value);
    })
  );
}

function naiveCounts(profiles: readonly CatalogProfile[], query: SearchQuery, name: FacetName): Map<string, number> {
  const counts = new Map<string, number>();
  for (const profile of profiles) {
    if (!naiveMatches(profile, query, name)) continue;
    for (const value of facets[name](profile)) counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return counts;
}

/** Queries for values that entries have, and for others. */
function queriesFor(entries: readonly CatalogEntry[]): fc.Arbitrary<SearchQuery> {
  const some = (values: readonly string[]) => fc.option(fc.constantFrom(...values, 'other'), { nil: undefined });
  const words = entries.flatMap((entry) => [
    entry.repository.slice(0, 2).toUpperCase(),
    ...entry.tags,
    ...entry.images,
  ]);
  const keys = entries.flatMap(({ annotations }) => Object.keys(annotations));
  return fc.record({
    text: fc.option(
      fc.array(fc.constantFrom('a', '1.', ...words), { maxLength: 2 }).map((texts) => texts.join(' ')),
      { nil: undefined },
    ),
    kind: fc.constantFrom(undefined, 'Seccomp' as const, 'AppArmor' as const),
    signer: some(entries.flatMap(signerNames)),
    image: some(entries.flatMap(({ images }) => images)),
    architecture: some(['amd64', 'arm64']),
    annotation: fc.option(fc.record({ key: fc.constantFrom('other', ...keys) }), { nil: undefined }),
    sort: fc.constantFrom('name' as const, 'updated' as const, 'calls' as const),
  });
}

const searches = arbitraryEntries.chain((entries) => fc.tuple(fc.constant(entries), queriesFor(entries)));

describe('CatalogSearch', () => {
  it('finds what a search without an index finds, and counts the same', () => {
    fc.assert(
      fc.property(searches, ([entries, query]) => {
        const profiles = groupEntries(entries);
        const result = new CatalogSearch(entries).search({ ...query, limit: 1000 });
        const expected = profiles.filter((profile) => naiveMatches(profile, query)).map(formatRepository);
        assert.deepEqual(result.profiles.map(formatRepository).sort(), expected.sort());
        assert.equal(result.total, expected.length);
        for (const name of facetNames) {
          const counted = new Map(result.facets[name].map(({ value, count }) => [value, count]));
          assert.deepEqual(counted, naiveCounts(profiles, query, name));
        }
      }),
    );
  });

  it('gives each profile once in pages, in the order of one page', () => {
    fc.assert(
      fc.property(searches, fc.integer({ min: 1, max: 4 }), ([entries, query], limit) => {
        const search = new CatalogSearch(entries);
        const whole = search.search({ ...query, limit: 1000 });
        const found: CatalogProfile[] = [];
        for (let after: string | undefined = ''; after !== undefined; ) {
          const page: ReturnType<CatalogSearch['search']> = search.search({ ...query, limit, after });
          assert.equal(page.offset, found.length);
          found.push(...page.profiles);
          after = page.next;
        }
        assert.deepEqual(found, whole.profiles);
      }),
    );
  });

  it('gives each profile once that stays, while others come and go between pages', () => {
    const changes = fc.array(fc.tuple(arbitraryEntries, fc.nat()), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(arbitraryEntries, changes, (staying, others) => {
        const names = new Set(staying.map(formatRepository));
        const found: string[] = [];
        let turn = 0;
        for (let after: string | undefined = ''; after !== undefined; turn++) {
          const [coming = []] = others[turn % others.length] ?? [];
          const apart = coming.filter((entry) => !names.has(formatRepository(entry)));
          const page = new CatalogSearch([...staying, ...apart]).search({ after, limit: 2 });
          found.push(...page.profiles.map(formatRepository));
          after = page.next;
        }
        assert.deepEqual(found.filter((name) => names.has(name)).sort(), [...names].sort());
        assert.equal(new Set(found).size, found.length);
      }),
    );
  });

  const named = ['alpha', 'beta', 'gamma', '7zip', 'another'].map((name) =>
    catalogEntry({ of: `registry.test/acme/${name}` }),
  );

  it('leads back to the page before', () => {
    const search = new CatalogSearch(named);
    const first = search.search({ limit: 2 });
    const second = search.search({ limit: 2, after: first.next });
    const third = search.search({ limit: 2, after: second.next });
    assert.deepEqual([first.previous, second.previous, third.next], [undefined, '', undefined]);
    assert.deepEqual(search.search({ limit: 2, after: third.previous }), second);
  });

  it('marks where each letter begins', () => {
    const search = new CatalogSearch(named);
    const { letters } = search.search();
    assert.deepEqual(
      letters.map(({ letter, count }) => [letter, count]),
      [
        ['#', 1],
        ['a', 2],
        ['b', 1],
        ['g', 1],
      ],
    );
    for (const { letter, after } of letters.slice(1)) {
      assert.equal(search.search({ after, limit: 1 }).profiles[0]?.name.charAt(0), letter);
    }
  });

  it('sorts by the last publication, and by the calls that are left', () => {
    const entries = [
      catalogEntry({ of: 'a.test/old', annotations: { 'org.opencontainers.image.created': '2026-01-01T00:00:00Z' } }),
      catalogEntry({ of: 'a.test/new', annotations: { 'org.opencontainers.image.created': '2026-02-01T00:00:00Z' } }),
      catalogEntry({ of: 'a.test/few', calls: { allowed: 3, baseline: 352, asked: 0 } }),
    ];
    const names = (query: SearchQuery) => new CatalogSearch(entries).search(query).profiles.map(({ name }) => name);
    assert.deepEqual(names({ sort: 'updated' }), ['new', 'old', 'few']);
    assert.deepEqual(names({ sort: 'calls' }), ['few', 'new', 'old']);
  });

  it('has the versions of a profile, the newest first', () => {
    const entries = ['1.9.0', '1.10.0', '1.10.0-rc.1', 'latest', '1.2'].map((tag) =>
      catalogEntry({ of: 'a.test/b', seed: tag, tags: [tag] }),
    );
    const [profile] = new CatalogSearch(entries).search().profiles;
    assert.deepEqual(
      profile?.versions.map(({ tags }) => tags[0]),
      ['1.10.0', '1.10.0-rc.1', '1.9.0', '1.2', 'latest'],
    );
  });

  it('takes an entry that several catalogs have from the first', () => {
    const [first, second] = [catalogEntry({ tags: ['1'] }), catalogEntry({ tags: ['2'] })];
    const search = new CatalogSearch([first, second]);
    assert.deepEqual(search.get(first)?.versions, [first]);
    assert.equal(search.size, 1);
    assert.equal(search.get({ registry: 'registry.test', repository: 'other' }), undefined);
  });

  for (const [what, query, message] of [
    ['a cursor that is no cursor', { after: 'abc' }, /invalid cursor "abc"/],
    [
      'a cursor of another order by numbers',
      { after: new CatalogSearch(named).search({ limit: 1, sort: 'updated' }).next, sort: 'calls' },
      /cursor/,
    ],
    [
      'a cursor of another order',
      { after: new CatalogSearch(named).search({ limit: 1 }).next, sort: 'calls' },
      /cursor/,
    ],
    ['no profiles', { limit: 0 }, /invalid limit 0: want 1 to 1000/],
    ['too many profiles', { limit: 1001 }, /invalid limit/],
    ['a long text', { text: 'x'.repeat(1001) }, /1001 characters/],
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.throws(
        () => new CatalogSearch(named).search(query),
        (error: unknown) =>
          error instanceof FairleadError && error.kind === 'InvalidInput' && message.test(error.message),
      );
    });
  }
});
