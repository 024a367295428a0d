import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const pages = execFileSync('git', ['ls-files', '*.md'], { cwd: root, encoding: 'utf8' }).trim().split('\n');

/** Returns the anchors of a page, as GitHub makes them from its headings. */
function anchorsOf(text: string): Set<string> {
  const prose = text.replace(/^```.*?^```$/gms, '');
  const headings = [...prose.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .replace(/ /g, '-'),
    ),
  );
}

describe('links between the pages', () => {
  for (const page of pages) {
    it(`${page}: every relative link leads to a file, and its anchor to a heading`, () => {
      const text = readFileSync(path.join(root, page), 'utf8');
      for (const [, target = '', anchor] of text.matchAll(/\]\((?![a-z]+:)([^)\s#]*)(?:#([^)\s]*))?\)/g)) {
        const file = target === '' ? path.join(root, page) : path.join(root, path.dirname(page), target);
        assert.ok(existsSync(file), `${target}: no such file`);
        if (anchor !== undefined)
          assert.ok(anchorsOf(readFileSync(file, 'utf8')).has(anchor), `${target}#${anchor}: no such heading`);
      }
    });
  }
});
