import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { type LockFile, shrinkwrapOf } from './shrinkwrap-of.ts';

const locked = (version: string, more: object = {}) => ({ version, integrity: `sha512-${version}`, ...more });

describe('shrinkwrapOf', () => {
  it('keeps what the package needs, nested as it is, and drops the rest and all addresses', () => {
    const lock: LockFile = {
      name: 'p',
      version: '1.0.0',
      lockfileVersion: 3,
      requires: true,
      packages: {
        '': {
          version: '1.0.0',
          dependencies: { a: '1.0.0' },
          ...{ devDependencies: { t: '1.0.0' }, workspaces: ['tools/w'] },
        },
        'node_modules/a': locked('1.0.0', {
          resolved: 'https://registry.example.com/a.tgz',
          dependencies: { b: '^2.0.0' },
          optionalDependencies: { native: '1.0.0', absent: '1.0.0' },
          peerDependencies: { peer: '1', maybe: '1' },
          peerDependenciesMeta: { maybe: { optional: true } },
        }),
        'node_modules/a/node_modules/b': locked('2.1.0', { dependencies: { c: '1' }, funding: 'https://example.com' }),
        'node_modules/b': locked('1.0.0', { dev: true }),
        'node_modules/c': locked('1.0.0', { devOptional: true }),
        'node_modules/maybe': locked('1.0.0'),
        'node_modules/native': locked('1.0.0', { optional: true, os: ['linux'] }),
        'node_modules/peer': locked('1.0.0'),
        'node_modules/t': locked('1.0.0', { dev: true }),
        'node_modules/w': { link: true, ...{ resolved: 'tools/w' } },
        'tools/w': { version: '0.0.0' },
      },
    };
    const { packages, ...head } = shrinkwrapOf(lock);
    assert.deepEqual(head, { name: 'p', version: '1.0.0', lockfileVersion: 3, requires: true });
    assert.deepEqual(packages, {
      '': { version: '1.0.0', dependencies: { a: '1.0.0' } },
      'node_modules/a': locked('1.0.0', {
        dependencies: { b: '^2.0.0' },
        optionalDependencies: { native: '1.0.0', absent: '1.0.0' },
        peerDependencies: { peer: '1', maybe: '1' },
        peerDependenciesMeta: { maybe: { optional: true } },
      }),
      'node_modules/a/node_modules/b': locked('2.1.0', { dependencies: { c: '1' } }),
      'node_modules/c': locked('1.0.0'),
      'node_modules/native': locked('1.0.0', { optional: true, os: ['linux'] }),
      'node_modules/peer': locked('1.0.0'),
    });
  });

  it('refuses a lock file that does not pin everything', () => {
    const packages = { '': { dependencies: { a: '1' } } };
    const lock = { name: 'p', version: '1', lockfileVersion: 3 };
    assert.throws(() => shrinkwrapOf({ ...lock, packages }), /the package: a is not locked/);
    const unhashed = { ...packages, 'node_modules/a': { version: '1.0.0' } };
    assert.throws(() => shrinkwrapOf({ ...lock, packages: unhashed }), /node_modules\/a has no hash/);
  });

  it('makes of the lock file of this checkout one that names no registry', () => {
    const lock = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8'));
    const text = JSON.stringify(shrinkwrapOf(lock));
    assert.doesNotMatch(text, /https?:/);
    assert.ok(Object.keys(shrinkwrapOf(lock).packages).length > 100);
  });
});
