import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assembleArtifact, blob } from '#lib/artifact/assemble-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { FairleadError } from '#lib/errors';
import { defaultPublicationLimits } from '#lib/profile/publication-limits';
import { emptyConfigBytes, mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import { memoryRepository } from '#lib/registry/memory';
import { parseReference } from '#lib/registry/reference';
import type { Repository } from '#lib/registry/target';
import { parseVersion } from '#lib/registry/version-tags';
import { generateKeyPair, loadPrivateKey } from '#lib/trust/keys/key';
import type { TrustPolicy } from '#lib/trust/policy/policy';
import { type KeySigner, keySigner } from '#lib/trust/sign/key-signer';
import { planPublication } from './plan-publication.ts';
import type { PublishRequest } from './publication.ts';
import { publish } from './publish.ts';
import { isUnchanged } from './publish-many.ts';
import { loosens, PublicationRefused } from './refused-publication.ts';
import { rehearse } from './rehearse.ts';

const repository = parseReference('registry.example.com/security/nginx');
const reference = parseReference('registry.example.com/security/nginx:stable');
const newSigner = async (): Promise<KeySigner> => keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
const signer = await newSigner();
const stranger = await newSigner();
const allowing = (...names: readonly string[]): Uint8Array =>
  new TextEncoder().encode(
    JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names, action: 'SCMP_ACT_ALLOW' }] }),
  );
const strict = allowing('read');
const lax = allowing('read', 'ptrace');
const common = { signer, clock: () => new Date(0), limits: defaultPublicationLimits };

/** A repository in memory that counts what is written. */
function counted(): Repository & { writes: string[] } {
  const memory = memoryRepository();
  const writes: string[] = [];
  return {
    ...memory,
    writes,
    async push(descriptor, content, options) {
      if (!(await memory.exists(descriptor))) writes.push(descriptor.digest);
      return memory.push(descriptor, content, options);
    },
    async tag(descriptor, tag, options) {
      writes.push(tag);
      return memory.tag(descriptor, tag, options);
    },
  };
}

const put = (target: Repository, bytes: Uint8Array, request: Partial<PublishRequest> = {}, by: KeySigner = signer) =>
  publish(bytes, { reference, ...request }, { ...common, signer: by, target });
const version = (text: string, latest = false): Partial<PublishRequest> => ({
  reference: repository,
  version: { number: parseVersion(text), latest },
});
const refused = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof PublicationRefused, String(error));
  assert.match(error.message, pattern);
  return true;
};

describe('publish what a tag holds already', () => {
  it('writes nothing', async () => {
    const target = counted();
    const first = await put(target, strict, { annotations: { 'example.com/team': 'web' } });
    target.writes.length = 0;
    const second = await put(target, strict, { annotations: { 'example.com/team': 'web' } });
    assert.deepEqual(target.writes, []);
    assert.deepEqual(second.reference, first.reference);
    assert.equal(second.alreadySigned, true);
    assert.deepEqual(second.tags, [{ tag: 'stable', holds: first.reference.digest, change: 'unchanged' }]);
  });

  it('writes nothing if only annotations of the run differ', async () => {
    const target = counted();
    const run = (revision: string) => ({
      runAnnotations: { 'org.opencontainers.image.revision': revision },
      created: new Date(Number(revision)),
    });
    const first = await put(target, strict, run('1'));
    assert.equal(first.artifact.manifest.annotations?.['org.opencontainers.image.revision'], '1');
    target.writes.length = 0;
    for (const request of [run('2'), {}]) {
      const second = await put(target, strict, request);
      assert.deepEqual(target.writes, []);
      assert.equal(second.reference.digest, first.reference.digest);
      assert.equal(second.artifact.manifest.annotations?.['org.opencontainers.image.revision'], '1');
    }
  });

  const others: readonly (readonly [what: string, bytes: Uint8Array, request: Partial<PublishRequest>])[] = [
    ['other bytes', allowing('read', 'write'), {}],
    ['another annotation', strict, { annotations: { 'example.com/team': 'db' } }],
    ['no annotation where there was one', strict, { annotations: {} }],
    ['a title', strict, { annotations: { 'example.com/team': 'web' }, title: 'nginx.json' }],
    [
      'a revision that is named',
      strict,
      { annotations: { 'example.com/team': 'web', 'org.opencontainers.image.revision': '2' } },
    ],
  ];
  for (const [what, bytes, request] of others) {
    it(`publishes ${what}`, async () => {
      const target = counted();
      const first = await put(target, strict, { annotations: { 'example.com/team': 'web' } });
      const second = await put(target, bytes, request);
      assert.notEqual(second.reference.digest, first.reference.digest);
      assert.equal((await target.resolve('stable')).digest, second.reference.digest);
    });
  }

  it('does not take over what somebody else wrote under the tag', async () => {
    const edits: readonly ((manifest: Record<string, unknown>) => void)[] = [
      (manifest) => Object.assign(manifest, { Layers: [] }),
      (manifest) => Object.assign(manifest, { evil: 1 }),
      (manifest) =>
        Object.assign(manifest['annotations'] as object, {
          'org.opencontainers.image.created': '2099-01-01T00:00:00Z',
        }),
      (manifest) =>
        Object.assign(manifest['annotations'] as object, { 'org.opencontainers.image.source': 'https://evil.example' }),
    ];
    for (const edit of edits) {
      const target = counted();
      const first = await put(target, strict);
      const manifest = JSON.parse(new TextDecoder().decode(first.artifact.manifestBytes));
      edit(manifest);
      const bytes = new TextEncoder().encode(JSON.stringify(manifest));
      const descriptor = { mediaType: mediaTypes.manifest, digest: digestOf(bytes), size: bytes.length };
      await target.push(descriptor, bytes);
      await target.tag(descriptor, 'stable');
      const second = await put(target, strict);
      assert.equal(second.reference.digest, first.reference.digest);
      assert.equal((await target.resolve('stable')).digest, first.reference.digest);
      assert.ok(!(await target.referrers(descriptor)).length, 'it is not signed');
    }
  });

  it('writes nothing without a tag', async () => {
    const target = counted();
    const untagged = { reference: repository };
    assert.equal(isUnchanged(await put(target, strict, untagged)), false);
    target.writes.length = 0;
    assert.equal(isUnchanged(await put(target, strict, untagged)), true);
    assert.deepEqual(target.writes, []);
  });

  it('adds a signature of another signer, and restores what the registry has lost', async () => {
    const target = counted();
    const first = await put(target, strict);
    const second = await put(target, strict, {}, stranger);
    assert.equal(second.reference.digest, first.reference.digest);
    assert.equal(second.alreadySigned, false);
    await target.delete(first.artifact.layer.descriptor);
    await put(target, strict);
    assert.equal(await target.exists(first.artifact.layer.descriptor), true);
  });
});

describe('publish with failOn', () => {
  it('refuses a profile that permits more than what the tag holds, and sends nothing', async () => {
    const target = counted();
    await put(target, strict);
    target.writes.length = 0;
    await assert.rejects(
      put(target, lax, { failOn: 'loosened' }),
      refused(/permits what registry\.example\.com\/security\/nginx:stable does not: ptrace$/),
    );
    assert.deepEqual(target.writes, []);
  });

  it('publishes a stricter one, and a first one', async () => {
    const target = counted();
    const first = await put(target, lax, { failOn: 'loosened' });
    assert.deepEqual(first.comparisons, []);
    const second = await put(target, strict, { failOn: 'loosened' });
    assert.equal(loosens(second), false);
    assert.deepEqual(second.comparisons[0]?.reference, { ...reference, digest: first.reference.digest });
  });

  const unverifiable: readonly (readonly [
    what: string,
    hold: (target: Repository) => Promise<unknown>,
    why: RegExp,
  ])[] = [
    [
      'an unsigned profile',
      (target) => publish(lax, { reference }, { ...common, signer: undefined, target }),
      /signature/,
    ],
    ['a profile of another signer', (target) => put(target, lax, {}, stranger), /signature/],
  ];
  for (const [what, hold, why] of unverifiable) {
    it(`refuses if the tag holds ${what}`, async () => {
      const target = counted();
      await hold(target);
      await assert.rejects(put(target, strict, { failOn: 'loosened' }), refused(why));
      assert.equal(loosens(await put(target, strict)), undefined);
    });
  }

  it('compares a version with each tag that it moves, or with the version before it', async () => {
    const target = counted();
    await put(target, lax, version('1.3.0'));
    await put(target, strict, version('1.4.0'));
    await assert.rejects(put(target, lax, { ...version('1.4.1'), failOn: 'loosened' }), refused(/:1\.4 does not/));
    await assert.rejects(put(target, lax, { ...version('2.0.0'), failOn: 'loosened' }), refused(/:1\.4\.0 does not/));
    await assert.rejects(
      put(target, lax, { ...version('1.5.0-rc.1'), failOn: 'loosened' }),
      refused(/:1\.4\.0 does not/),
    );
    await put(target, lax, { ...version('1.3.1'), failOn: 'loosened' });
  });

  it('compares a patch of an older version with the version before it, also if shorter tags are kept', async () => {
    const target = counted();
    await put(target, strict, version('1.4.0'));
    await put(target, strict, version('1.4.3'));
    await assert.rejects(put(target, lax, { ...version('1.4.1'), failOn: 'loosened' }), refused(/:1\.4\.0 does not/));
    await put(target, lax, { reference: parseReference('registry.example.com/security/nginx:1.99.0') }, stranger);
    await assert.rejects(put(target, lax, { ...version('1.5.0'), failOn: 'loosened' }), refused(/:1\.4\.3 does not/));
  });

  it('needs a tag', async () => {
    await assert.rejects(put(counted(), strict, { reference: repository, failOn: 'loosened' }), {
      kind: 'InvalidInput',
    });
  });

  it('notices a tag that another publisher writes meanwhile', async () => {
    const target = counted();
    const rival = await put(target, allowing('read', 'write'), { reference: repository });
    await put(target, lax);
    const racing: Repository = {
      ...target,
      push: async (descriptor, content, options) => {
        await target.push(descriptor, content, options);
        await target.tag(rival.artifact.descriptor, 'stable');
      },
    };
    await assert.rejects(put(racing, allowing('ptrace'), { failOn: 'loosened' }), {
      kind: 'Conflict',
      message: /^sent, but not tagged: another publisher/,
    });
    assert.equal((await target.resolve('stable')).digest, rival.reference.digest);
  });

  it('needs somebody to verify with', async () => {
    const request = { reference, failOn: 'loosened' } as const;
    await assert.rejects(publish(strict, request, { ...common, signer: undefined, target: counted() }), {
      kind: 'InvalidInput',
    });
  });

  it('hands on errors of the registry', async () => {
    const target = counted();
    await put(target, strict);
    const failing: Repository = {
      ...target,
      fetch: async () => {
        throw new FairleadError('Unavailable', 'gone');
      },
    };
    await assert.rejects(put(failing, lax), { kind: 'Unavailable' });
  });
});

describe('publish under a tag that holds an image', () => {
  it('is refused', async () => {
    const target = counted();
    const config = blob(mediaTypes.emptyConfig, emptyConfigBytes);
    const manifest = {
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config: config.descriptor,
      layers: [],
    } as const;
    const image = assembleArtifact(manifest, [config]);
    for (const tag of ['stable', '1.4']) await pushArtifact(target, image, undefined, tag);
    target.writes.length = 0;
    for (const request of [{}, version('1.4.2')]) {
      await assert.rejects(put(target, strict, request), {
        kind: 'Conflict',
        message: /:(stable|1\.4) is not a profile/,
      });
    }
    assert.deepEqual(target.writes, []);
  });
});

describe('publish without overwriting', () => {
  it('refuses another artifact, and accepts the same one', async () => {
    const target = counted();
    await put(target, strict, { overwrite: false });
    await put(target, strict, { overwrite: false });
    await assert.rejects(put(target, lax, { overwrite: false }), refused(/:stable exists and holds another artifact/));
    await put(target, strict, { ...version('1.4.0'), overwrite: false });
    await put(target, lax, { ...version('1.4.1'), overwrite: false });
    await assert.rejects(put(target, strict, { ...version('1.4.1'), overwrite: false }), refused(/:1\.4\.1 exists/));
  });

  it('notices a tag that another publisher writes meanwhile', async () => {
    const target = counted();
    const rival = await put(target, lax, { reference: repository });
    const racing: Repository = {
      ...target,
      push: async (descriptor, content, options) => {
        await target.push(descriptor, content, options);
        await target.tag(rival.artifact.descriptor, 'stable');
      },
    };
    await assert.rejects(put(racing, strict, { overwrite: false }), {
      kind: 'Conflict',
      message: /^sent, but not tagged/,
    });
    assert.equal((await target.resolve('stable')).digest, rival.reference.digest);
  });
});

describe('publish a version', () => {
  it('moves the tags that stand for it, and none backwards', async () => {
    const target = counted();
    await put(target, strict, version('1.5.0', true));
    const { tags, reference: patch } = await put(target, lax, version('1.4.9', true));
    assert.deepEqual(
      tags.map(({ tag, change, newer }) => [tag, change, newer]),
      [
        ['1.4.9', 'created', undefined],
        ['1.4', 'created', undefined],
        ['1', 'kept', '1.5.0'],
        ['latest', 'kept', '1.5.0'],
      ],
    );
    assert.notEqual((await target.resolve('1')).digest, patch.digest);
    await put(target, lax, { ...version('1.4.9', true), allowOlder: true });
    for (const tag of ['1.4.9', '1.4', '1', 'latest']) assert.equal((await target.resolve(tag)).digest, patch.digest);
  });

  it('leaves a single shorter tag at a newer version that is published meanwhile', async () => {
    const target = counted();
    await put(target, lax, version('1.4.2'));
    await target.untag('1');
    const newer = await put(target, strict, { reference: repository });
    const racing: Repository = {
      ...target,
      tag: async (descriptor, tag, options) => {
        await target.tag(newer.artifact.descriptor, '1.5.0');
        return target.tag(descriptor, tag, options);
      },
    };
    await put(racing, lax, version('1.4.2'));
    assert.equal((await target.resolve('1')).digest, newer.reference.digest);
  });

  it('leaves the shorter tags at a newer version that is published meanwhile', async () => {
    const target = counted();
    const newer = await put(target, strict, { reference: repository });
    const racing: Repository = {
      ...target,
      tag: async (descriptor, tag, options) => {
        if (tag === '1.4') {
          await target.tag(newer.artifact.descriptor, '1.4.3');
          await target.tag(newer.artifact.descriptor, '1.4');
        }
        return target.tag(descriptor, tag, options);
      },
    };
    const { tags } = await put(racing, lax, version('1.4.2'));
    assert.equal((await target.resolve('1.4')).digest, newer.reference.digest);
    assert.deepEqual(tags[1], { tag: '1.4', change: 'kept', newer: '1.4.3' });
  });

  it('writes + as _, and refuses a tag beside a version', async () => {
    const target = counted();
    const { tags } = await put(target, strict, version('1.4.2+build.1'));
    assert.deepEqual(
      tags.map(({ tag }) => tag),
      ['1.4.2_build.1', '1.4', '1'],
    );
    await assert.rejects(put(target, strict, { ...version('1.4.3'), reference }), { kind: 'InvalidInput' });
  });
});

describe('publish with a subject', () => {
  it('is a referrer of the image', async () => {
    const target = counted();
    const image = await put(target, lax, { reference: repository });
    const profile = await put(target, strict, { subject: image.reference.digest });
    const referrers = await target.referrers(image.artifact.descriptor);
    assert.ok(referrers.some(({ digest }) => digest === profile.reference.digest));
  });

  it('refuses a version, whose tags would be those of the image', async () => {
    const target = counted();
    const image = await put(target, lax, { reference: repository });
    const request = { ...version('1.0.0'), subject: image.reference.digest };
    await assert.rejects(put(target, strict, request), { kind: 'InvalidInput' });
  });

  it('refuses an image that is not there', async () => {
    const elsewhere = await put(memoryRepository(), lax);
    await assert.rejects(put(counted(), strict, { subject: elsewhere.reference.digest }), {
      kind: 'NotFound',
      message: /^no image registry\.example\.com\/security\/nginx@sha256:/,
    });
  });
});

describe('rehearse', () => {
  const policyFor = (by: KeySigner): TrustPolicy => ({
    source: 'policy.yaml',
    rules: [{ match: '**', unsigned: false, require: [{ anyOf: [{ key: 'a.pub', publicKey: by.key.publicKey }] }] }],
    revision: '1',
  });

  it('returns what publish would do under a policy, and sends nothing', async () => {
    const target = counted();
    await put(target, strict);
    target.writes.length = 0;
    const plan = await rehearse(lax, { reference }, { ...common, target, policy: policyFor(signer) });
    assert.equal(plan.tags[0]?.change, 'moved');
    assert.deepEqual(target.writes, []);
    await put(target, lax);
    assert.equal((await target.resolve('stable')).digest, plan.reference.digest);
  });

  it('throws what publish would throw, also for the signature', async () => {
    const target = counted();
    await put(target, strict);
    target.writes.length = 0;
    const dependencies = { ...common, target, policy: policyFor(stranger) };
    await assert.rejects(rehearse(lax, { reference }, dependencies), {
      kind: 'SignatureInvalid',
      message: /^no signature of registry\.example\.com/,
    });
    await assert.rejects(rehearse(lax, { reference, failOn: 'loosened' }, { ...common, target }), {
      name: 'FairleadError',
      kind: 'Conflict',
    });
    const keyless = { ...signer, key: undefined } as unknown as KeySigner;
    await rehearse(lax, { reference }, { ...dependencies, signer: keyless });
    assert.deepEqual(target.writes, []);
  });

  it('counts signatures that the registry has', async () => {
    const target = counted();
    await put(target, strict, {}, stranger);
    const plan = await rehearse(strict, { reference }, { ...common, target, policy: policyFor(stranger) });
    assert.equal(plan.tags[0]?.change, 'unchanged');
  });
});

describe('planPublication', () => {
  it('sends nothing', async () => {
    const target = counted();
    await put(target, strict);
    target.writes.length = 0;
    const plan = await planPublication(lax, { reference }, { ...common, target });
    assert.deepEqual(target.writes, []);
    assert.equal(plan.tags[0]?.change, 'moved');
    assert.equal(loosens(plan), true);
  });
});
