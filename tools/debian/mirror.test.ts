import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { finishFolder, temporaryFolder } from '#test/peers/program';
import { hostMirror } from './mirror.ts';

function aptFolder(files: Record<string, string>): string {
  const folder = temporaryFolder('apt');
  finishFolder(folder);
  mkdirSync(path.join(folder, 'sources.list.d'));
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
  return folder;
}

describe('hostMirror', () => {
  it('reads deb822 stanzas, past those of other archives and suites', () => {
    const folder = aptFolder({
      'sources.list.d/a.sources':
        'Types: deb\nURIs: https://elsewhere.example/node\nSuites: nodistro\nComponents: main\n',
      'sources.list.d/debian.sources': [
        'Types: deb\nURIs: http://security.example/debian-security\nSuites: bookworm-security\nComponents: main\n',
        'Types: deb\n# a comment\nURIs: http://mirror.example/debian\nSuites: bookworm bookworm-updates\nComponents: main\n',
      ].join('\n'),
    });
    assert.equal(hostMirror('bookworm', folder), 'http://mirror.example/debian');
  });

  it('reads one-line files with and without options', () => {
    const line = 'deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm main contrib\n';
    const security = 'deb http://security.example/debian-security bookworm-security main\n';
    assert.equal(
      hostMirror('bookworm', aptFolder({ 'sources.list': security + line })),
      'http://mirror.example/debian',
    );
    const other = aptFolder({ 'sources.list': 'deb http://two.example/debian bookworm main\n' });
    assert.equal(hostMirror('bookworm', other), 'http://two.example/debian');
  });

  it('names the places that were searched if no mirror is found', () => {
    const folder = aptFolder({ 'sources.list': '# deb http://mirror.example/debian bookworm main\n' });
    assert.throws(() => hostMirror('bookworm', folder), new RegExp(`no Debian mirror for bookworm in ${folder}`));
  });
});
