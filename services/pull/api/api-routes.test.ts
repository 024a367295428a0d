import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { packArtifact } from '#lib/artifact/pack-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { FairleadError } from '#lib/errors';
import { readProfile } from '#lib/profile/read-profile';
import { memoryRepository } from '#lib/registry/memory';
import { generateKeyPair, loadPrivateKey } from '#lib/trust/keys/key';
import type { Policy } from '#lib/trust/policy/node-policy';
import { keySigner } from '#lib/trust/sign/key-signer';
import { signArtifact } from '#lib/trust/sign/sign-artifact';
import { packSignature } from '#lib/trust/signature/pack-signature';
import { createPullServer } from '../server.ts';
import { workBounds } from '../verified/work-bound.ts';

const repository = 'registry.example.com/security/nginx';
const texts = {
  '1': '{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW"}]}\n',
  '2': '{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read","bpf"],"action":"SCMP_ACT_ALLOW"}]}\n',
};

describe('the API of the pull service', () => {
  let app: FastifyInstance;
  const asked: string[] = [];
  let policy: Policy;
  before(async () => {
    const target = memoryRepository();
    const signer = keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
    for (const [tag, text] of Object.entries(texts)) {
      const content = new TextEncoder().encode(text);
      const artifact = packArtifact(readProfile(content), { layout: 'runtime', content });
      const signature = packSignature(artifact.descriptor, await signArtifact(artifact.descriptor, signer));
      await pushArtifact(target, artifact, signature, tag);
    }
    const apparmor = new TextEncoder().encode('{"network": {"allowRaw": true}}\n');
    const packed = packArtifact(readProfile(apparmor), { layout: 'runtime', content: apparmor });
    const packedSignature = packSignature(packed.descriptor, await signArtifact(packed.descriptor, signer));
    await pushArtifact(target, packed, packedSignature, 'apparmor');
    const content = new TextEncoder().encode(`${texts['1']} `);
    await pushArtifact(
      target,
      packArtifact(readProfile(content), { layout: 'runtime', content }),
      undefined,
      'unsigned',
    );
    const require = [{ anyOf: [{ key: '/etc/fairlead/a.pub', publicKey: signer.key.publicKey }] }];
    policy = {
      source: '/etc/fairlead/policy.yaml',
      rules: [{ match: 'registry.example.com/**', require, unsigned: false, position: '4:5' }],
      baseline: { seccomp: 'RuntimeDefault', apparmor: 'RuntimeDefault' },
      limits: { artifactBytes: 1024, entriesPerSyscall: 2 },
      revision: '1',
    };
    app = await createPullServer({
      version: '0',
      logger: pino({ level: 'silent' }),
      policy: { current: policy, inForce: true },
      connect: ({ registry }) => {
        asked.push(registry);
        return target;
      },
    });
  });
  after(() => app.close());

  const get = async (path: string, query: Record<string, string>) => {
    const response = await app.inject({ url: `/v1/${path}`, query });
    assert.doesNotMatch(response.body, /\/etc/);
    return { status: response.statusCode, body: response.json() };
  };

  it('explains what the policy decides, rule by rule and signature by signature', async () => {
    const allowed = (await get('verification', { reference: `${repository}:1` })).body;
    assert.equal(allowed.allowed, true);
    assert.deepEqual(allowed.steps, [{ rule: 'registry.example.com/**', position: '4:5', outcome: 'matches' }]);
    assert.equal(allowed.requirements[0].met, true);
    assert.equal(allowed.requirements[0].held[0].key, 'a.pub');
    const unsigned = (await get('verification', { reference: `${repository}:unsigned` })).body;
    assert.deepEqual([unsigned.allowed, unsigned.refusal.kind], [false, 'SignatureInvalid']);
    const kind = (await get('verification', { reference: `${repository}:1`, kind: 'AppArmor' })).body;
    assert.deepEqual([kind.allowed, kind.refusal.kind], [false, 'ProfileInvalid']);
    const undecided = (await get('verification', { reference: repository })).body;
    assert.deepEqual([undecided.allowed, undecided.digest], [null, null]);
  });

  it('asks no registry about what no rule allows', async () => {
    const { status, body } = await get('verification', { reference: 'internal.example.com/a:1' });
    assert.equal(status, 200);
    assert.deepEqual([body.allowed, body.rule, body.refusal.kind], [false, null, 'NotAllowed']);
    for (const path of ['explain', 'profiles']) {
      assert.equal((await get(path, { reference: 'internal.example.com/a:1' })).status, 403);
    }
    assert.equal((await get('diff', { from: `${repository}:1`, to: 'internal.example.com/a:1' })).status, 403);
    assert.ok(!asked.includes('internal.example.com'));
  });

  it('does not count decisions that were explained among the requests that wait', async () => {
    for (let request = 0; request <= workBounds.ofOneRegistry; request++) {
      assert.equal((await get('verification', { reference: `${repository}:unsigned` })).status, 200);
    }
  });

  it('answers 503 for a decision that needs a registry that is down', async () => {
    const unsigned = { match: '**', require: [], unsigned: true };
    const down = await createPullServer({
      version: '0',
      logger: pino({ level: 'silent' }),
      policy: { current: { ...policy, rules: [unsigned] }, inForce: true },
      connect: () => {
        throw new FairleadError('Unavailable', 'registry.example.com does not answer');
      },
    });
    try {
      const response = await down.inject(`/v1/verification?reference=${repository}:1`);
      assert.deepEqual([response.statusCode, response.headers['retry-after']], [503, '5']);
    } finally {
      await down.close();
    }
  });

  it('compares two profiles by what they permit', async () => {
    const { body } = await get('diff', { from: `${repository}:1`, to: `${repository}:2` });
    assert.equal(body.loosened, true);
    assert.deepEqual(
      body.changes.map(({ subject, direction }: { subject: string; direction: string }) => [subject, direction]),
      [['bpf', 'loosened']],
    );
    const back = (await get('diff', { from: `${repository}:2`, to: `${repository}:1` })).body;
    assert.equal(back.loosened, false);
    assert.equal((await get('diff', { from: `${repository}:1`, to: `${repository}:unsigned` })).status, 403);
  });

  it('explains what a profile permits on a node', async () => {
    const { body } = await get('explain', { reference: `${repository}:2` });
    const stateOf = (name: string) => body.syscalls.find((call: { name: string }) => call.name === name).state;
    assert.deepEqual([stateOf('read'), stateOf('bpf'), stateOf('write')], ['allowed', 'asked', 'stricter']);
    assert.deepEqual([body.counts.allowed, body.counts.asked], [1, 1]);
    assert.ok(body.constraints.some(({ subject }: { subject: string }) => subject === 'bpf'));
  });

  it('explains an AppArmor profile without system calls', async () => {
    const { status, body } = await get('explain', { reference: `${repository}:apparmor`, kind: 'AppArmor' });
    assert.equal(status, 200);
    const { kind, baseline, constraints, ...rest } = body;
    assert.deepEqual(
      [kind, baseline, rest.syscalls, rest.counts],
      ['AppArmor', 'RuntimeDefault', undefined, undefined],
    );
    assert.ok(Array.isArray(constraints));
  });

  it('has empty catalogs if none is configured', async () => {
    assert.deepEqual((await get('catalogs', {})).body, { catalogs: [] });
    assert.deepEqual((await get('catalogs/profiles', {})).body.profiles, []);
    assert.equal((await get('catalogs/versions', { repository })).status, 404);
  });
});
