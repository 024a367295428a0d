import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { withExports } from '../../tools/library-reference.ts';
import { publicFace } from '../../tools/public-face.ts';

const pages = new URL('../../docs/reference/library/', import.meta.url);

describe('the public face', () => {
  const face = publicFace();

  it('has an entry for each room that is a library', () => {
    assert.deepEqual(
      [...face.keys()],
      ['artifact', 'errors', 'node', 'profile', 'registry', 'trust'].map((name) => `fairlead/${name}`),
    );
  });

  for (const [entry, exports] of face) {
    describe(entry, () => {
      it('exports every type that its exports use', () => {
        assert.ok(exports.length > 0);
        assert.deepEqual(
          exports.filter(({ hidden }) => hidden.length > 0).map(({ name, hidden }) => `${name}: ${hidden.join(', ')}`),
          [],
        );
      });

      it('has a doc comment on every export', () => {
        assert.deepEqual(
          exports.filter(({ summary }) => summary === '').map(({ name }) => name),
          [],
        );
      });

      it('has a page that lists every export (npm run docs writes the list)', () => {
        const file = new URL(`${entry.replace('fairlead/', '')}.md`, pages);
        const page = readFileSync(file, 'utf8');
        const updated = withExports(page, exports);
        if (process.env['FAIRLEAD_UPDATE'] === '1') writeFileSync(file, updated);
        else assert.equal(page, updated);
      });
    });
  }

  it('has no page of anything else', () => {
    const names = readdirSync(pages).filter((name) => name !== 'README.md');
    assert.deepEqual(
      names.toSorted(),
      [...face.keys()].map((entry) => `${entry.replace('fairlead/', '')}.md`),
    );
  });
});
