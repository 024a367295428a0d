import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { packArtifact } from '#lib/artifact/pack-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { pullLimits } from '#lib/node/pull/pull-limiter';
import { readProfile } from '#lib/profile/read-profile';
import { memoryRepository } from '#lib/registry/memory';
import { generateKeyPair, loadPrivateKey } from '#lib/trust/keys/key';
import type { Policy } from '#lib/trust/policy/node-policy';
import { createPullServer } from './server.ts';

const anything: Policy = {
  source: 'policy.yaml',
  rules: [{ match: '**', require: [], unsigned: true }],
  baseline: { seccomp: 'RuntimeDefault', apparmor: 'RuntimeDefault' },
  limits: { artifactBytes: 1024, entriesPerSyscall: 2 },
  revision: '1',
};

describe('the pull service, while a registry is slow', () => {
  it('makes few pulls from a registry at the same time, however its host is spelled', async () => {
    const target = memoryRepository();
    let running = 0;
    let most = 0;
    const slow = {
      ...target,
      referrers: async () => {
        most = Math.max(most, ++running);
        await sleep(20);
        running--;
        return [];
      },
    };
    const digests: string[] = [];
    for (let n = 0; n < 40; n++) {
      const content = new TextEncoder().encode(
        `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["call_${n}"],"action":"SCMP_ACT_ALLOW"}]}`,
      );
      const artifact = packArtifact(readProfile(content), { layout: 'runtime', content });
      await pushArtifact(target, artifact, undefined, undefined);
      digests.push(artifact.descriptor.digest);
    }
    const { publicKey } = await loadPrivateKey((await generateKeyPair()).privateKey);
    const require = [{ anyOf: [{ key: 'a.pub', publicKey }] }];
    const signed = await createPullServer({
      version: '0',
      logger: pino({ level: 'silent' }),
      policy: { current: { ...anything, rules: [{ match: '**', require, unsigned: false }] }, inForce: true },
      connect: () => slow,
    });
    try {
      const answers = await Promise.all(
        digests.map((digest, n) => {
          const host = ['registry.example.com', 'Registry.example.com', 'registry.example.com:443'][n % 3];
          return signed.inject({ url: '/v1/profiles', query: { reference: `${host}/a@${digest}` } });
        }),
      );
      for (const { statusCode, body } of answers) assert.equal(statusCode, 403, body);
      assert.ok(most > 1 && most <= pullLimits.pulls.share, `${most} at the same time`);
    } finally {
      await signed.close();
    }
  });

  it('gives up on a registry that does not answer, and writes down what it decided', async () => {
    const decided: string[] = [];
    const given: AbortSignal[] = [];
    const hanging = await createPullServer({
      version: '0',
      logger: pino({ level: 'silent' }),
      policy: { current: anything, inForce: true },
      connect: () => ({
        ...memoryRepository(),
        resolve: (_of, { signal } = {}) => {
          assert.ok(signal);
          given.push(signal);
          return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
        },
      }),
      timeout: 50,
      decisions: {
        allowed: async () => assert.fail(),
        refused: async (request) => void decided.push(request.reference.repository),
      },
    });
    try {
      const response = await hanging.inject({ url: '/v1/profiles', query: { reference: 'registry.example.com/a:1' } });
      assert.equal(response.statusCode, 503, response.body);
      assert.equal(response.headers['retry-after'], '5');
      assert.deepEqual([decided, given.map(({ aborted }) => aborted)], [['a'], [true]]);
    } finally {
      await hanging.close();
    }
  });
});
