import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseLocalhostReference } from '#cri-shim/request/localhost-reference';
import { formatLocalhostProfile, type ProfileReference } from '#lib/node/reference/localhost-profile';
import { formatReference } from '#lib/registry/reference';
import { namedArtifact } from '#operator/api/profile-reference';

const root = '/var/lib/kubelet/seccomp';
const reference = `registry.example.com:5000/security/nginx@sha256:${'a1'.repeat(32)}`;

/**
 * What the shim makes of a Localhost profile, in the operator's words; undefined where it refuses
 * it or takes it for a file.
 */
function read(localhostProfile: string): ProfileReference | undefined {
  let found: ReturnType<typeof parseLocalhostReference>;
  try {
    found = parseLocalhostReference(`${root}/${localhostProfile}`, root);
  } catch {
    return undefined;
  }
  if (found === undefined) return undefined;
  const { base, ...others } = found;
  return {
    ...others,
    reference: formatReference(found.reference),
    ...(base && { base: base === 'RuntimeDefault' ? base : { localhost: base.path.slice(root.length + 1) } }),
  };
}

describe('what the operator writes', () => {
  it('is what the shim reads', () => {
    for (const base of [
      undefined,
      'RuntimeDefault',
      { localhost: 'base.json' },
      { localhost: 'localhost/x' },
    ] as const) {
      for (const mode of [undefined, 'Log'] as const) {
        const given = { reference, base, mode };
        assert.deepEqual({ base: undefined, mode: undefined, ...read(formatLocalhostProfile(given)) }, given);
      }
    }
  });

  it('means the same to both, with whatever parameters the shim takes', () => {
    const part = fc.constantFrom(
      'RuntimeDefault',
      'localhost',
      'base.json',
      '..',
      '.',
      '',
      'oci',
      '?base=a',
      '&',
      '&mode=log',
      'log',
      '#',
      'a b',
    );
    let understood = 0;
    fc.assert(
      fc.property(
        fc.constantFrom('?base=', '?', '?mode=', '?mode=log', '&base='),
        fc.array(part, { maxLength: 4 }),
        (start, parts) => {
          const localhostProfile = `oci/${reference}${start}${parts.join('/')}`;
          const shim = read(localhostProfile);
          if (shim === undefined) return;
          understood++;
          assert.deepEqual(namedArtifact(localhostProfile), shim);
        },
      ),
      { numRuns: 2000 },
    );
    assert.ok(understood > 50, String(understood));
  });
});
