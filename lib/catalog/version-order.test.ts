import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { catalogEntry } from '../../test/support/catalog-entries.ts';
import { compareByAge, compareTags } from './version-order.ts';

const shuffled = <T>(values: readonly T[]) => fc.shuffledSubarray([...values], { minLength: values.length });

it('tags are ordered by their versions, the newest first, and then by their names', () => {
  const tags = ['v2', '1.27.10', '1.27.9', '1.27.0', '1.27', '1.27-alpine', '1.0.0', 'a2', 'a10', 'latest'];
  fc.assert(fc.property(shuffled(tags), (others) => assert.deepEqual(others.sort(compareTags), tags)));
});

it('artifacts are ordered by version, then by time, then by tag', () => {
  const entries = [
    catalogEntry({ seed: '1', tags: ['2.0.0'] }),
    catalogEntry({ seed: '2', tags: ['1.10.0', 'latest'] }),
    catalogEntry({ seed: '3', tags: ['1.9.0'] }),
    catalogEntry({ seed: '4', tags: ['stable'], annotations: { 'org.opencontainers.image.version': '1.8.0' } }),
    catalogEntry({ seed: '5', tags: ['b'], created: '2026-02-01T00:00:00Z' }),
    catalogEntry({ seed: '6', tags: ['c'], created: '2026-01-01T00:00:00Z' }),
    catalogEntry({ seed: '7', tags: ['build-10'] }),
    catalogEntry({ seed: '8', tags: ['build-9'] }),
  ];
  fc.assert(fc.property(shuffled(entries), (others) => assert.deepEqual(others.sort(compareByAge), entries)));
});
