import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatReference } from '#lib/registry/reference';
import { formatLocalhostProfile, type ProfileBase, parseLocalhostProfile } from './localhost-profile.ts';

const reference = `registry.example.com:5000/security/nginx@sha256:${'a1'.repeat(32)}`;
const localhost = { localhost: 'profiles/base.json' };

const segment = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._=-]{0,8}$/);
const path = fc.array(fc.oneof(segment, fc.constantFrom('localhost', 'RuntimeDefault')), {
  minLength: 1,
  maxLength: 3,
});
const bases: fc.Arbitrary<ProfileBase | undefined> = fc.oneof(
  fc.constantFrom(undefined, 'RuntimeDefault' as const),
  path.map((parts) => ({ localhost: parts.join('/') })),
);
const modes = fc.constantFrom(undefined, 'Log' as const);

function read(localhostProfile: string) {
  const found = parseLocalhostProfile(localhostProfile);
  return found && { base: undefined, mode: undefined, ...found, reference: formatReference(found.reference) };
}

describe('a Localhost profile that names an artifact', () => {
  it('is read as it is written', () => {
    fc.assert(
      fc.property(bases, modes, (base, mode) => {
        const given = { reference, base, mode };
        assert.deepEqual(read(formatLocalhostProfile(given)), given);
      }),
    );
  });

  it('is written in one order, and read in any', () => {
    const written = formatLocalhostProfile({ reference, base: localhost, mode: 'Log' });
    assert.equal(written, `oci/${reference}?base=localhost/profiles/base.json&mode=log`);
    assert.deepEqual(read(`oci/${reference}?mode=log&base=localhost/profiles/base.json`), read(written));
    assert.equal(formatLocalhostProfile({ reference, mode: 'Log' }), `oci/${reference}?mode=log`);
    assert.equal(formatLocalhostProfile({ reference }), `oci/${reference}`);
  });

  it('may have its base in the older form', () => {
    const baseOf = (base: string) => read(`oci/${reference}?base=${base}`)?.base;
    assert.deepEqual(baseOf('profiles/base.json'), localhost);
    assert.deepEqual(baseOf('localhost/profiles/base.json'), localhost);
    assert.deepEqual(baseOf('localhost/RuntimeDefault'), { localhost: 'RuntimeDefault' });
    assert.deepEqual(read(`oci/${reference}?base=base.json&mode=log`), {
      ...{ reference, base: { localhost: 'base.json' }, mode: 'Log' },
    });
  });

  it('is no other path', () => {
    for (const other of [reference, 'profiles/nginx.json', `profiles/oci/${reference}`, `OCI/${reference}`, 'oci']) {
      assert.equal(parseLocalhostProfile(other), undefined, other);
    }
  });

  it('is refused with a reference that is not pinned, and with other parameters', () => {
    const refuse = (text: string, about: RegExp) =>
      assert.throws(() => parseLocalhostProfile(text), { kind: 'InvalidInput', message: about, hint: /./ }, text);
    refuse('oci/registry.example.com/nginx:1', /not pinned/);
    refuse(`oci/${reference}&mode=log`, /invalid digest/);
    refuse(`oci/${reference}#mode=log`, /invalid digest/);
    for (const query of [
      ...['', 'base=', 'mode=', 'mode', '&mode=log', 'mode=log&', 'mode=log&mode=log', 'base=a&base=b'],
      ...['base=a&mode=log&base=b', 'base=RuntimeDefault?base=a', 'MODE=log', 'Base=a', ' mode=log', 'unsigned=true'],
      ...['mode=log&unsigned=true', 'mode=log?base=a', 'mode=log#', 'base=a#mode=log', 'mode%3Dlog'],
    ]) {
      refuse(`oci/${reference}?${query}`, /after the digest is invalid/);
    }
    for (const mode of ['Log', 'LOG', 'complain', 'enforce', 'log ', 'log,enforce', 'log=']) {
      refuse(`oci/${reference}?mode=${mode}`, /mode ".*" is unknown/);
    }
    for (const base of ['../x', 'localhost/', 'localhost//etc', 'a/./b', '/etc/shadow', 'a/', '..']) {
      refuse(`oci/${reference}?base=${base}&mode=log`, /not a path below/);
    }
    refuse(`oci/${reference}?base=oci/x.json`, /reference itself/);
    refuse(`oci/${reference}?base=localhost/x/${reference}`, /reference itself/);
  });
});
