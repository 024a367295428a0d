import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mediaTypes } from '#lib/registry/descriptor';
import { blob, index, manifest } from '#test/contract/content';
import { answerManifest, image, other, serve } from '#test/faults/scripted-registry';

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

  it('are looked up under the tag where it answers with a page for people', async () => {
    const { target } = await serve((request, response) => {
      if (request.url?.includes('/referrers/'))
        response.writeHead(200, { 'content-type': 'text/html' }).end('<html></html>');
      else response.writeHead(200, { 'content-type': mediaTypes.index }).end(list.bytes);
    });
    assert.deepEqual(await target.referrers(image.descriptor), [signature.descriptor]);
  });

  it('are none where it does not know the repository, and the tag is not asked for', async () => {
    const { target, seen } = await serve((_request, response) =>
      response.writeHead(404).end(JSON.stringify({ errors: [{ code: 'NAME_UNKNOWN' }] })),
    );
    assert.deepEqual(await target.referrers(image.descriptor), []);
    assert.equal(seen.length, 1);
  });

  it('are refused where the tag lists more than 10,000', async () => {
    const many = index(Array.from({ length: 10_001 }, () => other)).bytes;
    const { target } = await serve((request, response) => {
      if (request.url?.includes('/referrers/')) response.writeHead(404).end();
      else response.writeHead(200, { 'content-type': mediaTypes.index }).end(many);
    });
    await assert.rejects(target.referrers(image.descriptor), { kind: 'LimitExceeded', message: /referrers/ });
  });

  it('are written under the tag where it says OCI-Subject of something else', async () => {
    for (const [told, written] of [
      [other.descriptor.digest, true],
      [image.descriptor.digest, false],
    ] as const) {
      let listed: Buffer | undefined;
      const { target, seen } = await serve(async (request, response) => {
        const tagged = request.url?.endsWith(tag);
        const pieces: Buffer[] = [];
        for await (const piece of request) pieces.push(piece);
        if (request.method === 'PUT') {
          if (tagged) listed = Buffer.concat(pieces);
          response.writeHead(201, { 'oci-subject': told }).end();
        } else if (tagged && listed !== undefined)
          response.writeHead(200, { 'content-type': mediaTypes.index }).end(listed);
        else response.writeHead(404).end();
      });
      await target.push(signature.descriptor, signature.bytes);
      assert.equal(seen.includes(`PUT /v2/a${tag}`), written);
    }
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

describe('referrers of a registry with the API', () => {
  it('are refused where their pages have more than 32 MiB', async () => {
    const wide = { ...signature.descriptor, annotations: { note: 'x'.repeat(3_900_000) } };
    const page = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: [wide] });
    const { target, seen } = await serve((_request, response) => {
      const link = `</v2/a/referrers/x?n=${seen.length}>; rel="next"`;
      response.writeHead(200, { 'content-type': mediaTypes.index, link }).end(page);
    });
    await assert.rejects(target.referrers(image.descriptor), { kind: 'LimitExceeded', message: /referrers/ });
    assert(seen.length < 12, `${seen.length} pages were asked for`);
  });

  it('are taken off the tag too where the answer to the deletion was lost', async () => {
    let there = true;
    let listed = Buffer.from(list.bytes);
    const { target } = await serve(async (request, response) => {
      const tagged = request.url?.endsWith(tag);
      if (request.method === 'PUT') {
        const pieces: Buffer[] = [];
        for await (const piece of request) pieces.push(piece);
        listed = Buffer.concat(pieces);
        response.writeHead(201).end();
      } else if (tagged) response.writeHead(200, { 'content-type': mediaTypes.index }).end(listed);
      else if (!there) response.writeHead(404).end();
      else if (request.method === 'DELETE') {
        there = false;
        request.socket.destroy();
      } else answerManifest(response, request, signature.bytes, signature.descriptor.digest);
    });
    await target.delete(signature.descriptor);
    assert.deepEqual(JSON.parse(listed.toString()).manifests, []);
    await assert.rejects(target.delete(signature.descriptor), { kind: 'NotFound' });
  });

  it('stay listed where the registry answers the deletion with 404, and has the manifest still', async () => {
    const { target, seen } = await serve((request, response) => {
      if (request.method === 'DELETE') response.writeHead(404).end('page not found');
      else answerManifest(response, request, signature.bytes, signature.descriptor.digest);
    });
    await assert.rejects(target.delete(signature.descriptor), { kind: 'NotFound', message: /^DELETE / });
    assert(!seen.some((request) => request.startsWith('PUT')), seen.join('\n'));
  });
});
