import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Binding } from './binding.ts';
import type { HeldArtifact } from './cluster-state.ts';
import { givenProfile } from './given-profile.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const image = `ghcr.io/acme/app@${digest}`;
const binding: Binding = {
  kind: 'ArtifactBinding',
  name: 'images',
  podSelector: {},
  images: [{ repository: 'ghcr.io/acme/*', tag: '1.*' }],
  source: { from: 'image' },
  parameters: {},
};

describe('givenProfile, with the profiles of images', () => {
  const given = (held: HeldArtifact[], of: Partial<Binding> = {}) =>
    givenProfile(
      { ...binding, ...of },
      {
        namespace: 'web',
        cluster: {
          namespaceLabels: () => undefined,
          artifact: () => undefined,
          imageArtifacts: () => held,
          seccompProfile: () => undefined,
        },
      },
    );
  const verified: HeldArtifact = { name: 'app', kind: 'Seccomp', image, reference: `ghcr.io/acme/app@${digest}` };
  const { reference: _, ...waiting } = verified;

  it('depends on the image if a verified profile of one that it can select is known', () => {
    assert.deepEqual(given([verified]), {});
    assert.deepEqual(given([{ ...waiting, problem: 'not signed' }, verified]), {});
    assert.deepEqual(given([verified], { images: undefined }), {});
  });

  it('gives none, with the reason and the next step, while none is known', () => {
    for (const [held, reason] of [
      [[], ''],
      [[{ ...waiting, problem: 'it is not signed.' }], ': it is not signed'],
      [[{ ...verified, image: image.replace('acme', 'else') }], ''],
      [[{ ...verified, kind: 'AppArmor' }], ''],
    ] as const) {
      const { profile, problem = '' } = given([...held]);
      assert.equal(profile, undefined);
      assert.ok(
        problem.includes(`no verified profile of an image is known yet, so that new pods are refused${reason}. `),
      );
      assert.match(problem, /fairlead push --subject IMAGE@DIGEST\. .* create a ProfileArtifact with spec\.image\.$/);
    }
  });
});
