import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';

const root = new URL('../../', import.meta.url);
const text = readFileSync(new URL('CONTRIBUTING.md', root), 'utf8');

describe('CONTRIBUTING.md', () => {
  it('names functions of the walk that their files export', () => {
    const rows = Array.from(text.matchAll(/^\| (`\w+`(?:, `\w+`)*) \| (\S+\.ts) \|$/gm));
    assert.ok(rows.length > 10);
    for (const [, names = '', file = ''] of rows) {
      const source = readFileSync(new URL(file, root), 'utf8');
      for (const [, name] of names.matchAll(/`(\w+)`/g))
        assert.match(source, new RegExp(`^export (?:async )?function ${name}\\b`, 'm'), `${file}: ${name}`);
    }
  });

  it('lists every directory of lib and of the root that has sources', () => {
    const [, layout = ''] = /## Layout\n\n```\n(.*?)```/s.exec(text) ?? [];
    const named = Array.from(layout.matchAll(/^(\S+)/gm), ([, name = '']) => name);
    const directories = readdirSync(new URL('lib/', root), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => `lib/${name}/`);
    for (const directory of directories) assert.ok(named.includes(directory), directory);
    for (const name of named) assert.ok(existsSync(new URL(name, root)), name);
  });

  it('names only scripts that there are', () => {
    const { scripts } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));
    const used = Array.from(text.matchAll(/(?:^|`)npm (?:run\s+)?([a-z:]+)/gm), ([, name = '']) => name);
    for (const name of used) assert.ok(name === 'ci' || name in scripts, name);
  });
});
