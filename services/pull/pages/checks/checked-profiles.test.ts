import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { packArtifact } from '#lib/artifact/pack-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { FairleadError } from '#lib/errors';
import { defaultPublicationLimits } from '#lib/profile/publication-limits';
import { readProfile } from '#lib/profile/read-profile';
import { memoryRepository } from '#lib/registry/memory';
import { parseReference } from '#lib/registry/reference';
import type { ReadTarget } from '#lib/registry/target';
import type { Policy } from '#lib/trust/policy/node-policy';
import { CheckedProfiles } from './checked-profiles.ts';

const policy: Policy = {
  source: 'policy.yaml',
  rules: [{ match: '**', require: [], unsigned: true }],
  baseline: { seccomp: 'RuntimeDefault', apparmor: 'RuntimeDefault' },
  limits: defaultPublicationLimits,
  revision: '1',
};
const reference = parseReference('registry.example.com/nginx:1');
const { signal } = new AbortController();

describe('CheckedProfiles', () => {
  it('verifies what a digest names once for each revision of the policy', async () => {
    const target = memoryRepository();
    const content = new TextEncoder().encode('{"defaultAction":"SCMP_ACT_ERRNO"}');
    const artifact = packArtifact(readProfile(content), { layout: 'runtime', content });
    await pushArtifact(target, artifact, undefined, '1');
    let fetched = 0;
    const counted: ReadTarget = {
      resolve: (name, options) => target.resolve(name, options),
      referrers: (subject, options) => target.referrers(subject, options),
      fetch: (descriptor, options) => {
        fetched += 1;
        return target.fetch(descriptor, options);
      },
    };
    const followed = { current: policy };
    const checks = new CheckedProfiles({ policy: followed, connect: () => counted });
    const { digest } = artifact.descriptor;
    assert.equal(checks.verificationOf(reference, digest), undefined);
    // The kind is not known, and read from the manifest.
    const first = await checks.check(reference, undefined, signal);
    assert.equal(first.pulled.profile.kind, 'Seccomp');
    assert.deepEqual(checks.verificationOf(reference, digest)?.time, first.time);
    const elsewhere = parseReference('registry.example.com/copied/nginx:1');
    assert.equal(checks.verificationOf(elsewhere, digest), undefined);
    const before = fetched;
    assert.deepEqual((await checks.check({ ...reference, digest }, undefined, signal)).time, first.time);
    assert.deepEqual((await checks.last(reference, signal))?.time, first.time);
    assert.equal(fetched, before);
    followed.current = { ...policy, revision: '2' };
    assert.equal(checks.verificationOf(reference, digest), undefined);
    assert.equal(await checks.last(reference, signal), undefined);
    await checks.check({ ...reference, digest }, 'Seccomp', signal);
    assert.ok(fetched > before);
  });

  it('gives up on a registry that does not answer in time', async () => {
    const hanging: ReadTarget = {
      ...memoryRepository(),
      resolve: (_, options) =>
        new Promise((_resolve, reject) => {
          options?.signal?.addEventListener('abort', () => reject(options.signal?.reason));
        }),
    };
    const checks = new CheckedProfiles({ policy: { current: policy }, connect: () => hanging, timeout: 20 });
    for (const kind of ['Seccomp', undefined] as const) {
      await assert.rejects(checks.check(reference, kind, signal), (error: unknown) => {
        assert.ok(error instanceof FairleadError);
        assert.deepEqual(
          [error.kind, error.message],
          ['Unavailable', 'registry.example.com did not answer within 0.02 seconds'],
        );
        return true;
      });
    }
  });
});
