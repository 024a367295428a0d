import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mediaTypes } from '#lib/registry/descriptor';
import { blob, index, manifest } from '#test/contract/content';
import { image, other, serve } from '#test/faults/scripted-registry';

const signature = manifest([], { subject: image.descriptor, artifactType: 'a/signature' });
const list = index([signature]);
const tag = `/manifests/${image.descriptor.digest.replace(':', '-')}`;

describe('referrers of a registry without the API', () => {
  it('are looked up under the tag where it sends us to its web pages instead (303)', async () => {
    const { target: pages, host, seen: asked } = await serve((_request, response) => response.writeHead(429).end());
    assert.notEqual(pages, undefined);
    const { target } = await serve((request, response) => {
      if (request.url?.includes('/referrers/')) response.writeHead(303, { location: `http://${host}/package` }).end();
      else response.writeHead(200, { 'content-type': mediaTypes.index }).end(list.bytes);
    });
    assert.deepEqual(await target.referrers(image.descriptor), [signature.descriptor]);
    assert.deepEqual(asked, []);
  });

  it('are not written under the tag beyond what could be read there again', async () => {
    const many = index(Array.from({ length: 10_000 }, () => other)).bytes;
    const { target, seen } = await serve((request, response) => {
      if (request.method === 'PUT') response.writeHead(201).end();
      else if (request.url?.endsWith(tag)) response.writeHead(200, { 'content-type': mediaTypes.index }).end(many);
      else response.writeHead(404).end();
    });
    await assert.rejects(target.push(signature.descriptor, signature.bytes), {
      kind: 'LimitExceeded',
      message: /referrers/,
    });
    assert(!seen.includes(`PUT /v2/a${tag}`), seen.join('\n'));
    const long = { ...signature.descriptor, annotations: { note: 'x'.repeat(3_000_000) } };
    const wide = manifest([], { subject: image.descriptor, annotations: { note: 'y'.repeat(2_000_000) } });
    const full = blob(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: [long] })).bytes;
    const { target: large, seen: sent } = await serve((request, response) => {
      if (request.method === 'PUT') response.writeHead(201).end();
      else if (request.url?.endsWith(tag)) response.writeHead(200, { 'content-type': mediaTypes.index }).end(full);
      else response.writeHead(404).end();
    });
    await assert.rejects(large.push(wide.descriptor, wide.bytes), { kind: 'LimitExceeded', message: /referrers/ });
    assert(!sent.includes(`PUT /v2/a${tag}`), sent.join('\n'));
  });
});
