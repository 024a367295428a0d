import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { packArtifact } from '#lib/artifact/pack-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { defaultPublicationLimits } from '#lib/profile/publication-limits';
import { readProfile } from '#lib/profile/read-profile';
import { memoryRepository } from '#lib/registry/memory';
import { createPullServer } from '../server.ts';

describe('the mirror', () => {
  let app: FastifyInstance;
  before(async () => {
    const target = memoryRepository();
    const content = new TextEncoder().encode('{"defaultAction":"SCMP_ACT_ERRNO"}\n');
    await pushArtifact(target, packArtifact(readProfile(content), { layout: 'runtime', content }), undefined, '1');
    app = await createPullServer({
      version: '0',
      logger: pino({ level: 'silent' }),
      policy: {
        current: {
          source: 'policy.yaml',
          rules: [{ match: '**', require: [], unsigned: true }],
          baseline: { seccomp: 'RuntimeDefault', apparmor: 'RuntimeDefault' },
          limits: defaultPublicationLimits,
          revision: '1',
        },
        inForce: true,
      },
      connect: () => ({
        ...target,
        async *tags() {
          yield* ['2', '../../x', 'a\r\nb', '\u202ex', '', '1', `sha256-${'0'.repeat(64)}.sig`];
        },
      }),
    });
  });
  after(() => app.close());

  it('lists no name of a registry that is not a tag', async () => {
    const listed = await app.inject('/v2/registry.example.com/a/tags/list');
    assert.deepEqual(listed.json(), { name: 'registry.example.com/a', tags: ['1', '2'] });
  });

  it('lets no cache keep an error in place of a blob', async () => {
    const [layer] = (await app.inject('/v2/registry.example.com/a/manifests/1')).json().layers;
    const url = `/v2/registry.example.com/a/blobs/${layer.digest}`;
    const refused = await app.inject({ url, headers: { range: 'bytes=1000-' } });
    assert.equal(refused.statusCode, 416);
    assert.equal(refused.headers['cache-control'], 'no-store');
    assert.equal((await app.inject(url)).headers['cache-control'], 'public, max-age=600, immutable');
  });
});
