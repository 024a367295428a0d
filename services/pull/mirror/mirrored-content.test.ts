import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import type { Artifact } from '#lib/artifact/artifact';
import { assembleArtifact, blob } from '#lib/artifact/assemble-artifact';
import { packArtifact } from '#lib/artifact/pack-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { readProfile } from '#lib/profile/read-profile';
import { mediaTypes } from '#lib/registry/descriptor';
import { memoryRepository } from '#lib/registry/memory';
import { createPullServer, type PullServerOptions } from '../server.ts';
import { workBounds } from '../verified/work-bound.ts';

const name = '/v2/registry.example.com/security/nginx';

describe('what the mirror serves', () => {
  let app: FastifyInstance;
  let options: PullServerOptions;
  const target = memoryRepository();
  const push = async (call: string, tag: string | undefined): Promise<Artifact> => {
    const content = new TextEncoder().encode(
      `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["${call}"],"action":"SCMP_ACT_ALLOW"}]}\n`,
    );
    const artifact = packArtifact(readProfile(content), { layout: 'runtime', content });
    await pushArtifact(target, artifact, undefined, tag);
    return artifact;
  };
  before(async () => {
    options = {
      version: '0',
      logger: pino({ level: 'silent' }),
      policy: {
        current: {
          source: 'policy.yaml',
          rules: [{ match: '**', require: [], unsigned: true }],
          baseline: { seccomp: 'RuntimeDefault', apparmor: 'RuntimeDefault' },
          limits: { artifactBytes: 1024, entriesPerSyscall: 2 },
          revision: '1',
        },
        inForce: true,
      },
      connect: () => target,
    };
    app = await createPullServer(options);
  });
  after(() => app.close());

  const statusOf = async (path: string): Promise<number> => (await app.inject(`${name}/${path}`)).statusCode;

  it('serves the blobs of a manifest without a tag after the manifest', async () => {
    const { descriptor, manifest } = await push('write', undefined);
    const layer = `blobs/${manifest.layers[0]?.digest}`;
    assert.equal(await statusOf(layer), 404);
    assert.equal(await statusOf(`manifests/${descriptor.digest}`), 200);
    assert.equal(await statusOf(layer), 200);
  });

  it('answers 404 for the manifest of an image, by tag and by digest', async () => {
    const config = blob('application/vnd.oci.image.config.v1+json', Buffer.from('{}'));
    const image = assembleArtifact(
      { schemaVersion: 2, mediaType: mediaTypes.manifest, config: config.descriptor, layers: [] },
      [config],
    );
    await pushArtifact(target, image, undefined, 'image');
    for (const tagOrDigest of ['image', image.descriptor.digest]) {
      const response = await app.inject(`${name}/manifests/${tagOrDigest}`);
      assert.deepEqual([response.statusCode, response.json().errors[0].code], [404, 'MANIFEST_UNKNOWN']);
    }
  });

  it('does not count requests that were answered among those that wait', async () => {
    await push('read', '1');
    for (let request = 0; request <= workBounds.ofOneRegistry; request++)
      assert.equal(await statusOf('manifests/1'), 200);
  });

  it('refuses requests for tags if too many wait for the registry', async () => {
    const answering = Promise.withResolvers<void>();
    const slow = await createPullServer({
      ...options,
      connect: () => ({
        ...target,
        async *tags() {
          await answering.promise;
          yield '1';
        },
      }),
    });
    try {
      const list = async () => slow.inject(`${name}/tags/list`);
      const waiting = Array.from({ length: workBounds.ofOneRegistry }, list);
      const refused = await list();
      assert.deepEqual([refused.statusCode, refused.headers['retry-after']], [503, '5']);
      answering.resolve();
      for (const { statusCode, body } of await Promise.all(waiting)) assert.equal(statusCode, 200, body);
    } finally {
      answering.resolve();
      await slow.close();
    }
  });

  it('lets caches keep a blob, and answers 304 if they have it', async () => {
    const { manifest } = await push('read', '1');
    const digest = manifest.layers[0]?.digest;
    const url = `${name}/blobs/${digest}`;
    const { headers } = await app.inject(url);
    assert.deepEqual([headers['etag'], headers['cache-control']], [`"${digest}"`, 'public, max-age=600, immutable']);
    const known = await app.inject({ url, headers: { 'if-none-match': `"${digest}"` } });
    assert.deepEqual([known.statusCode, known.body], [304, '']);
  });

  it('returns the single byte of a range that begins where it ends', async () => {
    const { manifest } = await push('read', '1');
    const response = await app.inject({
      url: `${name}/blobs/${manifest.layers[0]?.digest}`,
      headers: { range: 'bytes=1-1' },
    });
    assert.deepEqual([response.statusCode, response.body], [206, '"']);
  });
});
