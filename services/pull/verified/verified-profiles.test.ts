import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { packArtifact } from '#lib/artifact/pack-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { Turns } from '#lib/concurrency/turns';
import type { Decisions } from '#lib/node/pull/decision-log';
import type { PullRequest } from '#lib/node/pull/pulled-profile';
import { readProfile } from '#lib/profile/read-profile';
import { parseDigest } from '#lib/registry/digest';
import { memoryRepository } from '#lib/registry/memory';
import { parseReference } from '#lib/registry/reference';
import type { ReadTarget } from '#lib/registry/target';
import { generateKeyPair, loadPrivateKey } from '#lib/trust/keys/key';
import type { Policy } from '#lib/trust/policy/node-policy';
import { keySigner } from '#lib/trust/sign/key-signer';
import { signArtifact } from '#lib/trust/sign/sign-artifact';
import { packSignature } from '#lib/trust/signature/pack-signature';
import { VerifiedProfiles } from './verified-profiles.ts';
import { workBounds } from './work-bound.ts';

const never = new AbortController().signal;
const text = '{"defaultAction":"SCMP_ACT_ERRNO"}\n';

/** A repository with signed profiles `v0`, `v1`, …, that notes what it is asked for. */
async function signedRepository(count: number) {
  const target = memoryRepository();
  const signer = keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
  const digests: string[] = [];
  for (let at = 0; at < count; at++) {
    const content = new TextEncoder().encode(text + ' '.repeat(at));
    const artifact = packArtifact(readProfile(content), { layout: 'runtime', content });
    const signature = packSignature(artifact.descriptor, await signArtifact(artifact.descriptor, signer));
    await pushArtifact(target, artifact, signature, `v${at}`);
    digests.push(artifact.descriptor.digest);
  }
  const asked: string[] = [];
  const source: ReadTarget = {
    resolve: async (name, options) => {
      asked.push(`resolve ${name}`);
      return target.resolve(name, options);
    },
    referrers: async (subject, options) => {
      asked.push('referrers');
      return target.referrers(subject, options);
    },
    fetch: async (descriptor, options) => {
      asked.push('fetch');
      return target.fetch(descriptor, options);
    },
  };
  const policy: Policy = {
    source: 'policy.yaml',
    rules: [
      { match: '**', require: [{ anyOf: [{ key: '/keys/a.pub', publicKey: signer.key.publicKey }] }], unsigned: false },
    ],
    baseline: { seccomp: 'RuntimeDefault', apparmor: 'RuntimeDefault' },
    limits: { artifactBytes: 1024, entriesPerSyscall: 2 },
    revision: '1',
  };
  return { source, asked, policy, digests };
}

function request(reference: string): PullRequest {
  return { reference: parseReference(reference), kind: 'Seccomp' };
}

describe('VerifiedProfiles', () => {
  it('asks a registry for the digest of a tag only, once the profile was verified, of any number of profiles', async () => {
    const count = 40;
    const { source, asked, policy } = await signedRepository(count);
    const profiles = new VerifiedProfiles({ policy: { current: policy }, connect: () => source, turns: new Turns() });
    const tags = Array.from({ length: count }, (_, at) => `v${at}`);
    const find = (tag: string) => profiles.find(request(`registry.example.com/a:${tag}`), never);
    for (const tag of tags) await find(tag);
    asked.length = 0;
    for (const tag of tags) {
      const { content, verification, reference } = await find(tag);
      assert.equal(String(content()).trim(), text.trim());
      assert.equal(verification.signatures[0]?.key, 'a.pub');
      assert.equal(reference.tag, tag);
    }
    assert.deepEqual(
      asked,
      tags.map((tag) => `resolve ${tag}`),
    );
  });

  it('verifies again what was verified under another revision of the policy', async () => {
    const { source, asked, policy, digests } = await signedRepository(1);
    let current = policy;
    const followed = {
      get current() {
        return current;
      },
    };
    const profiles = new VerifiedProfiles({ policy: followed, connect: () => source, turns: new Turns() });
    const pinned = request(`registry.example.com/a@${digests[0]}`);
    await profiles.find(pinned, never);
    asked.length = 0;
    await profiles.find(pinned, never);
    assert.equal(asked.length, 0);
    current = { ...policy, revision: '2' };
    await profiles.find(pinned, never);
    assert.ok(asked.includes('referrers'));
    current = { ...policy, rules: [], revision: '3' };
    await assert.rejects(profiles.find(pinned, never), { kind: 'NotAllowed' });
  });

  it('refuses under the policy that came into force while the registry answered', async () => {
    const { source, policy } = await signedRepository(1);
    let current = policy;
    const followed = {
      get current() {
        return current;
      },
    };
    const changing: ReadTarget = {
      ...source,
      resolve: async (name, options) => {
        const found = await source.resolve(name, options);
        current = { ...policy, rules: [], revision: '2' };
        return found;
      },
    };
    const profiles = new VerifiedProfiles({ policy: followed, connect: () => changing, turns: new Turns() });
    await assert.rejects(profiles.find(request('registry.example.com/a:v0'), never), { kind: 'NotAllowed' });
  });

  it('refuses what comes when too many requests wait for a registry, and serves other registries', async () => {
    const { source, policy, digests } = await signedRepository(1);
    const { promise: answer, resolve: goOn } = Promise.withResolvers<void>();
    const slow: ReadTarget = {
      ...source,
      resolve: async (name, options) => {
        await answer;
        return source.resolve(name, options);
      },
    };
    const profiles = new VerifiedProfiles({
      policy: { current: policy },
      connect: ({ registry }) => (registry === 'slow.example.com' ? slow : source),
      turns: new Turns(),
    });
    const pinned = `a@${digests[0]}`;
    const waiting = Array.from({ length: workBounds.ofOneRegistry }, () =>
      profiles.find(request('slow.example.com/a:v0'), never),
    );
    await assert.rejects(profiles.find(request('Slow.example.com:443/a:v0'), never), {
      kind: 'Unavailable',
      message: /wait for slow\.example\.com already/,
    });
    await profiles.find(request(`registry.example.com/${pinned}`), never);
    goOn();
    await Promise.all(waiting);
    await profiles.find(request('slow.example.com/a:v0'), never);
  });

  it('serves the profile, its artifact and what was verified last from one verification', async () => {
    const { source, asked, policy, digests } = await signedRepository(2);
    let current = policy;
    const followed = {
      get current() {
        return current;
      },
    };
    const log: string[] = [];
    const decisions: Decisions = {
      allowed: async (_request, _policy, { cached }) => void log.push(cached ? 'cached' : 'verified'),
      refused: async () => void log.push('refused'),
    };
    const profiles = new VerifiedProfiles({ policy: followed, connect: () => source, turns: new Turns(), decisions });
    const tagged = parseReference('registry.example.com/a:v0');
    const digest = parseDigest(digests[0] ?? '');
    assert.equal(profiles.verificationOf(tagged, digest), undefined);
    assert.equal(await profiles.lastArtifact(tagged, never), undefined);
    await profiles.find({ reference: tagged, kind: 'Seccomp' }, never);
    const verified = profiles.verificationOf(tagged, digest);
    assert.equal(verified?.signer, 'key a.pub');
    // What one repository may publish is not verified for another.
    assert.equal(profiles.verificationOf({ ...tagged, repository: 'b' }, digest), undefined);
    asked.length = 0;
    const artifact = await profiles.findArtifact(tagged, never);
    assert.deepEqual(asked.toSorted(), ['fetch', 'resolve v0', `resolve ${digest}`].toSorted());
    assert.equal(artifact.time, verified?.time);
    assert.equal(artifact.profile.kind, 'Seccomp');
    asked.length = 0;
    const last = await profiles.lastArtifact({ ...tagged, registry: 'Registry.example.com:443' }, never);
    assert.equal(last?.descriptor.digest, digest);
    assert.deepEqual(asked, []);
    assert.deepEqual(log, ['verified', 'cached', 'cached']);
    current = { ...policy, revision: '2' };
    assert.equal(profiles.verificationOf(tagged, digest), undefined);
    assert.equal(await profiles.lastArtifact(tagged, never), undefined);
  });
});
