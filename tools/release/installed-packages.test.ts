import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { requireInstalled } from './installed-packages.ts';
import type { PackageLock } from './locked-packages.ts';

describe('requireInstalled', () => {
  it('finds packages that are missing, or have another version than package-lock.json', (t) => {
    const root = mkdtempSync(join(tmpdir(), 'fairlead-installed-'));
    t.after(() => rmSync(root, { recursive: true }));
    const install = (path: string, version: string): void => {
      mkdirSync(join(root, path), { recursive: true });
      writeFileSync(join(root, path, 'package.json'), JSON.stringify({ version }));
    };
    const lock: PackageLock = {
      packages: {
        '': { version: '0.0.0' },
        'node_modules/a': { version: '1.0.0' },
        'node_modules/a/node_modules/@s/b': { version: '2.0.0' },
        'node_modules/own': { link: true },
        'node_modules/other-system': { version: '3.0.0', optional: true },
      },
    };
    install('node_modules/a', '1.0.0');
    assert.throws(() => requireInstalled(lock, root), {
      message: 'node_modules is not what package-lock.json specifies: node_modules/a/node_modules/@s/b is missing',
    });
    install('node_modules/a/node_modules/@s/b', '2.0.0');
    requireInstalled(lock, root);
    install('node_modules/a', '1.0.1');
    install('node_modules/other-system', '3.1.0');
    assert.throws(() => requireInstalled(lock, root), {
      message:
        'node_modules is not what package-lock.json specifies: node_modules/a is 1.0.1, not 1.0.0; node_modules/other-system is 3.1.0, not 3.0.0',
      hint: 'Run npm ci.',
    });
  });

  it('accepts this checkout', () => {
    const root = join(import.meta.dirname, '../..');
    requireInstalled(JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')), root);
  });
});
