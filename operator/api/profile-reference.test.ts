import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { covers, namedArtifact, repositoryOf, sameProfile } from './profile-reference.ts';

const reference = `registry.example.com:5000/security/nginx@sha256:${'a1'.repeat(32)}`;
const other = reference.replace('nginx', 'other');
const base = { localhost: 'profiles/base.json' };

describe('a Localhost profile that names an artifact', () => {
  it('is read as the shim reads it, which refuses some', () => {
    assert.deepEqual(namedArtifact(`oci/${reference}?mode=log&base=localhost/profiles/base.json`), {
      ...{ reference, base, mode: 'Log' },
    });
    const refused = ['oci/nginx', `oci/${reference}?base=../x`, `oci/${reference}?mode=off`, `oci/${reference}?`];
    for (const path of ['profiles/nginx.json', ...refused]) assert.equal(namedArtifact(path), undefined, path);
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

  it('does not cover what is enforced if it only logs', () => {
    const logged = { reference, mode: 'Log' } as const;
    assert.ok(!covers(logged, { reference }) && !sameProfile(logged, { reference }));
    assert.ok(covers({ reference }, logged));
    assert.ok(covers({ ...logged, base }, logged) && covers({ reference, base }, logged));
    assert.ok(!covers(logged, { ...logged, base }));
  });

  it('is of the repository of its other versions', () => {
    assert.equal(repositoryOf({ reference }), repositoryOf({ reference: reference.replaceAll('a1', 'b2') }));
    assert.notEqual(repositoryOf({ reference }), repositoryOf({ reference: other }));
  });

  it('is the same by whichever name of its registry', () => {
    const named = (registry: string, digit = 'a') => ({
      reference: `${registry}/security/nginx@sha256:${digit.repeat(64)}`,
    });
    const hub = named('docker.io');
    for (const registry of ['index.docker.io', 'registry-1.docker.io', 'Docker.IO', 'docker.io:443']) {
      assert.ok(covers(named(registry), hub) && sameProfile(hub, named(registry)), registry);
      assert.equal(repositoryOf(named(registry, 'b')), repositoryOf(hub), registry);
      assert.ok(!covers(named(registry, 'b'), hub), registry);
    }
    assert.ok(!covers(named('docker.io.example.com'), hub));
    assert.notEqual(repositoryOf(named('example.com')), repositoryOf(hub));
  });
});
