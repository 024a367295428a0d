import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { arbitraryEntries, catalogEntry } from '../../test/support/catalog-entries.ts';
import { catalogNews, seenVersions } from './catalog-news.ts';
import { diffCatalogs } from './diff-catalogs.ts';
import { groupEntries } from './group-entries.ts';

const one = catalogEntry({ seed: '1', tags: ['1.0.0', 'latest'] });
const two = catalogEntry({ seed: '2', tags: ['1.1.0', 'latest'] });

describe('diffCatalogs', () => {
  it('leads from one catalog to the other', () => {
    fc.assert(
      fc.property(arbitraryEntries, arbitraryEntries, (before, after) => {
        const { added, removed, changed } = diffCatalogs(before, after);
        const gone = new Set(
          [...removed, ...changed.map(({ from }) => from)].map(({ descriptor }) => descriptor.digest),
        );
        const kept = before.filter(({ descriptor }) => !gone.has(descriptor.digest));
        const digests = [...kept, ...added, ...changed.map(({ to }) => to)].map(({ descriptor }) => descriptor.digest);
        assert.deepEqual(digests.sort(), after.map(({ descriptor }) => descriptor.digest).sort());
        for (const { from, to } of changed) assert.equal(from.descriptor.digest, to.descriptor.digest);
      }),
    );
  });

  it('finds nothing between a catalog and itself', () => {
    fc.assert(
      fc.property(arbitraryEntries, (entries) => {
        assert.deepEqual(diffCatalogs(entries, entries), { added: [], removed: [], changed: [], moved: [] });
      }),
    );
  });

  it('names a tag that moved, and an artifact that lost it', () => {
    const before = { ...one, tags: ['1.0.0', 'latest'] };
    const after = { ...one, tags: ['1.0.0'] };
    const diff = diffCatalogs([before], [after, two]);
    assert.deepEqual(diff.added, [two]);
    assert.deepEqual(diff.changed, [{ from: before, to: after }]);
    assert.deepEqual(diff.moved, [
      {
        registry: 'registry.test',
        repository: 'acme/nginx',
        tag: 'latest',
        from: one.descriptor.digest,
        to: two.descriptor.digest,
      },
    ]);
  });

  it('names an artifact with another signer', () => {
    const signed = { ...one, signers: [{ key: 'a'.repeat(64) }] };
    assert.deepEqual(diffCatalogs([one], [signed]).changed, [{ from: one, to: signed }]);
  });
});

describe('catalogNews', () => {
  const other = catalogEntry({ of: 'registry.test/acme/redis' });
  const seen = seenVersions(groupEntries([one, other]));

  it('are new profiles, new newest versions, and removed profiles', () => {
    const added = catalogEntry({ of: 'registry.test/acme/added' });
    assert.deepEqual(catalogNews(seen, groupEntries([one, two, added])), [
      { repository: 'registry.test/acme/added', change: 'new', to: added },
      { repository: 'registry.test/acme/nginx', change: 'updated', from: one.descriptor.digest, to: two },
      { repository: 'registry.test/acme/redis', change: 'removed', from: other.descriptor.digest },
    ]);
  });

  it('are not older versions', () => {
    const older = catalogEntry({ seed: '0', tags: ['0.9.1'] });
    assert.deepEqual(catalogNews(seen, groupEntries([one, older, other])), []);
  });
});
