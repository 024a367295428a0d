import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  covers,
  formatLocalhostProfile,
  parseLocalhostProfile,
  sameProfile,
  sameRepository,
} from './profile-reference.ts';

const reference = `registry.example.com:5000/security/nginx@sha256:${'a1'.repeat(32)}`;
const other = reference.replace('nginx', 'other');
const base = { localhost: 'profiles/base.json' };

const segment = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,8}$/);
const bases = fc.option(
  fc.oneof(
    fc.constant('RuntimeDefault' as const),
    fc
      .array(fc.oneof(segment, fc.constantFrom('localhost', 'RuntimeDefault')), { minLength: 1, maxLength: 3 })
      .map((parts) => ({
        localhost: parts.join('/'),
      })),
  ),
  { nil: undefined },
);

describe('a Localhost profile that names an artifact', () => {
  it('is read as it is written', () => {
    fc.assert(
      fc.property(bases, (given) => {
        const written = formatLocalhostProfile({ reference, base: given });
        assert.deepEqual({ base: undefined, ...parseLocalhostProfile(written) }, { reference, base: given });
      }),
    );
  });

  it('may have its base in the older form', () => {
    assert.deepEqual(parseLocalhostProfile(`oci/${reference}?base=profiles/base.json`), { reference, base });
    assert.deepEqual(parseLocalhostProfile(`oci/${reference}?base=localhost/profiles/base.json`), { reference, base });
    assert.deepEqual(parseLocalhostProfile(`oci/${reference}?base=localhost/RuntimeDefault`), {
      reference,
      base: { localhost: 'RuntimeDefault' },
    });
  });

  it('has no other path and no other parameter', () => {
    for (const path of [
      reference,
      'profiles/nginx.json',
      `profiles/oci/${reference}`,
      ...['?', '?base=', '?base=../x', '?base=localhost/', '?base=localhost//etc', '?base=a/./b', '?mode=log'].map(
        (query) => `oci/${reference}${query}`,
      ),
      `oci/${reference}?base=a&base=b`,
      `oci/${reference}?base=RuntimeDefault?base=a`,
    ]) {
      assert.equal(parseLocalhostProfile(path), undefined, path);
    }
  });

  it('covers what is the same or looser: no base, or the same one', () => {
    const runtimeDefault = { reference, base: 'RuntimeDefault' } as const;
    assert.ok(covers({ reference }, { reference }));
    assert.ok(covers(runtimeDefault, { reference }));
    assert.ok(covers({ reference, base }, { reference }));
    assert.ok(covers({ reference, base }, { reference, base }));
    assert.ok(!covers({ reference }, runtimeDefault));
    assert.ok(!covers({ reference, base }, runtimeDefault));
    assert.ok(!covers({ reference: other }, { reference }));
  });

  it('is of the repository of its other versions', () => {
    assert.ok(sameRepository({ reference }, { reference: reference.replaceAll('a1', 'b2') }));
    assert.ok(!sameRepository({ reference }, { reference: other }));
  });

  it('is the same by whichever name of its registry', () => {
    const named = (registry: string, digit = 'a') => ({
      reference: `${registry}/security/nginx@sha256:${digit.repeat(64)}`,
    });
    const hub = named('docker.io');
    for (const registry of ['index.docker.io', 'registry-1.docker.io', 'Docker.IO', 'docker.io:443']) {
      assert.ok(covers(named(registry), hub) && sameProfile(hub, named(registry)), registry);
      assert.ok(sameRepository(named(registry, 'b'), hub), registry);
      assert.ok(!covers(named(registry, 'b'), hub), registry);
    }
    assert.ok(!covers(named('docker.io.example.com'), hub) && !sameRepository(named('example.com'), hub));
  });
});
