import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Descriptor, mediaTypes } from '#lib/registry/descriptor';
import { parseDigest } from '#lib/registry/digest';
import { remoteRepository } from '#lib/registry/remote/repository';
import { blob, index, manifest } from '#test/support/contract/content';
import { answerManifest, image, other, serve } from '#test/support/faults/scripted-registry';

const signature = manifest([], { subject: image.descriptor, artifactType: 'a/signature' });
const second = manifest([], { subject: image.descriptor, artifactType: 'a/second' });
const list = index([signature]);
const tag = `/manifests/${image.descriptor.digest.replace(':', '-')}`;

/** Descriptors of `count` manifests that do not exist. */
const strangers = (count: number) =>
  Array.from({ length: count }, (_, n) => ({
    ...other,
    descriptor: { ...other.descriptor, digest: parseDigest(`sha256:${String(n).padStart(64, '0')}`) },
  }));

describe('referrers of a registry without the API', () => {
  it('are looked up under the tag if it redirects to its web pages instead (303)', async () => {
    const { target: pages, host, seen: asked } = await serve((_request, response) => response.writeHead(429).end());
    assert.notEqual(pages, undefined);
    const { target } = await serve((request, response) => {
      if (request.url?.includes('/referrers/')) response.writeHead(303, { location: `http://${host}/package` }).end();
      else response.writeHead(200, { 'content-type': mediaTypes.index }).end(list.bytes);
    });
    assert.deepEqual(await target.referrers(image.descriptor), [signature.descriptor]);
    assert.deepEqual(asked, []);
  });

  it('are looked up under the tag if it answers with a web page', async () => {
    const { target } = await serve((request, response) => {
      if (request.url?.includes('/referrers/'))
        response.writeHead(200, { 'content-type': 'text/html' }).end('<html></html>');
      else response.writeHead(200, { 'content-type': mediaTypes.index }).end(list.bytes);
    });
    assert.deepEqual(await target.referrers(image.descriptor), [signature.descriptor]);
  });

  it('are an empty list if the registry does not know the repository', async () => {
    const { target } = await serve((_request, response) =>
      response.writeHead(404).end(JSON.stringify({ errors: [{ code: 'NAME_UNKNOWN' }] })),
    );
    assert.deepEqual(await target.referrers(image.descriptor), []);
  });

  it('are refused if the tag lists more than 10,000', async () => {
    const many = index(strangers(10_001)).bytes;
    const { target } = await serve((request, response) => {
      if (request.url?.includes('/referrers/')) response.writeHead(404).end();
      else response.writeHead(200, { 'content-type': mediaTypes.index }).end(many);
    });
    await assert.rejects(target.referrers(image.descriptor), { kind: 'LimitExceeded', message: /referrers/ });
  });

  it('are written under the tag if OCI-Subject names something else', async () => {
    const { target, seen } = await keeping({ subject: other.descriptor.digest, api: 'listing' });
    await target.push(signature.descriptor, signature.bytes);
    assert.ok(seen.includes(`PUT /v2/a${tag}`));
  });

  it('are not written under the tag beyond what could be read there again', async () => {
    const many = index(strangers(10_000)).bytes;
    const { target, seen } = await serve((request, response) => {
      if (request.method === 'PUT') response.writeHead(201).end();
      else if (request.url?.endsWith(tag)) response.writeHead(200, { 'content-type': mediaTypes.index }).end(many);
      else response.writeHead(request.method === 'HEAD' ? 200 : 404).end();
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
      else response.writeHead(request.method === 'HEAD' ? 200 : 404).end();
    });
    await assert.rejects(large.push(wide.descriptor, wide.bytes), { kind: 'LimitExceeded', message: /referrers/ });
    assert(!sent.includes(`PUT /v2/a${tag}`), sent.join('\n'));
  });
});

/** A registry without the API that keeps what is put, and has something under the tag already. */
async function withList(under: Uint8Array, type: string = mediaTypes.index) {
  const kept = new Map<string, { bytes: Uint8Array; type: string }>([[tag, { bytes: under, type }]]);
  const { target } = await serve(async (request, response) => {
    const path = (request.url ?? '').slice('/v2/a'.length);
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece);
    const found = kept.get(path);
    if (request.method === 'PUT') {
      kept.set(path, { bytes: Buffer.concat(pieces), type: request.headers['content-type'] ?? '' });
      response.writeHead(201).end();
    } else if (found === undefined) response.writeHead(404).end();
    else if (request.method === 'DELETE') {
      kept.delete(path);
      response.writeHead(202).end();
    } else {
      response.writeHead(200, { 'content-type': found.type, 'content-length': found.bytes.length });
      response.end(request.method === 'HEAD' ? undefined : found.bytes);
    }
  });
  const listed = (): Descriptor[] => JSON.parse(Buffer.from(kept.get(tag)?.bytes ?? []).toString()).manifests;
  return { target, kept, listed };
}

/**
 * The answer of the referrers API of a registry: that it does not exist, one of these lists, or our
 * list from the third request on.
 */
type Api = 'absent' | 'unknown' | 'empty' | 'others' | 'late' | 'listing';

/**
 * A registry that stores what is put, answers `OCI-Subject` with `subject`, and has the given
 * referrers API.
 */
async function keeping({ subject, api }: { subject?: string; api: Api }) {
  const kept = new Map<string, Buffer>();
  let asked = 0;
  const answers: Record<Api, () => object | undefined> = {
    absent: () => undefined,
    unknown: () => undefined,
    empty: () => ({ manifests: [] }),
    others: () => ({ manifests: [other.descriptor] }),
    late: () => ({ manifests: asked < 3 ? [] : [signature.descriptor] }),
    listing: () => ({ manifests: [signature.descriptor] }),
  };
  const served = await serve(async (request, response) => {
    const path = (request.url ?? '').slice('/v2/a'.length);
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece);
    if (request.method === 'PUT') {
      kept.set(path, Buffer.concat(pieces));
      response.writeHead(201, subject === undefined ? {} : { 'oci-subject': subject }).end();
      return;
    }
    if (path.startsWith('/referrers/')) asked++;
    const found = path.startsWith('/referrers/') ? answers[api]() : kept.get(path);
    if (found === undefined) {
      const code = api === 'unknown' && path.startsWith('/referrers/') ? 'NAME_UNKNOWN' : 'NOT_FOUND';
      response.writeHead(404).end(JSON.stringify({ errors: [{ code }] }));
    } else {
      response.writeHead(200, { 'content-type': mediaTypes.index });
      response.end(Buffer.isBuffer(found) ? found : JSON.stringify({ schemaVersion: 2, ...found }));
    }
  });
  /** What another client finds. */
  const found = async (): Promise<string[]> =>
    (await remoteRepository({ registry: served.host, repository: 'a' }).referrers(image.descriptor)).map(
      ({ digest }) => digest,
    );
  return { ...served, kept, found };
}

describe('a referrer that was pushed is found again', () => {
  const echoed = image.descriptor.digest;
  for (const [what, subject, api, underTag] of [
    ['lists what it acknowledged', echoed, 'listing', false],
    ['lists what it acknowledged a moment later', echoed, 'late', false],
    ['acknowledges it and has no referrers API', echoed, 'absent', true],
    ['acknowledges it and then does not know the repository', echoed, 'unknown', true],
    ['acknowledges it and lists nothing', echoed, 'empty', true],
    ['does not acknowledge it and lists nothing', undefined, 'empty', true],
    ['does not acknowledge it and has no referrers API', undefined, 'absent', true],
    ['does not acknowledge it and lists it all the same', undefined, 'listing', true],
  ] as const) {
    it(`if the registry ${what}`, async () => {
      const { target, seen, found } = await keeping({ ...(subject === undefined ? {} : { subject }), api });
      await target.push(signature.descriptor, signature.bytes);
      assert.deepEqual(await found(), [signature.descriptor.digest]);
      assert.equal(seen.includes(`PUT /v2/a${tag}`), underTag);
    });
  }

  for (const subject of [echoed, undefined]) {
    it(`or else the push fails: ${subject ? 'acknowledged' : 'not acknowledged'}, and others are listed in its place`, async () => {
      const { target } = await keeping({ ...(subject === undefined ? {} : { subject }), api: 'others' });
      await assert.rejects(target.push(signature.descriptor, signature.bytes), {
        kind: 'Unavailable',
        message: new RegExp(`/a@${signature.descriptor.digest} was pushed, but .* ${image.descriptor.digest}`),
        hint: /legacy/,
      });
    });
  }

  it('and asked for once, of a registry that kept its word', async () => {
    const { target, seen } = await keeping({ subject: echoed, api: 'listing' });
    for (let push = 0; push < 3; push++) await target.push(signature.descriptor, signature.bytes);
    assert.equal(seen.filter((request) => request.includes('/referrers/')).length, 1);
  });
});

describe('a list of referrers that is empty in the API', () => {
  it('is looked up under the tag too, with and without an artifact type', async () => {
    for (const [api, options] of [
      ['empty', {}],
      ['empty', { artifactType: 'a/signature' }],
      ['unknown', {}],
    ] as const) {
      const { target, kept } = await keeping({ api });
      kept.set(tag, Buffer.from(list.bytes));
      const found = await target.referrers(image.descriptor, options);
      assert.deepEqual(found, [signature.descriptor], api);
    }
  });

  it('is empty if the tag has none either', async () => {
    const { found } = await keeping({ api: 'empty' });
    assert.deepEqual(await found(), []);
  });
});

describe('a broken list of referrers under the tag', () => {
  const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
  const damaged = {
    'an entry that is no descriptor': [{}, 'x', { ...other.descriptor, digest: 'sha256:0' }, signature.descriptor],
    'the same entry many times': Array.from({ length: 9000 }, () => signature.descriptor),
  };
  for (const [what, manifests] of Object.entries(damaged)) {
    it(`with ${what} is read for what is right in it, and written without the rest`, async () => {
      const { target, listed } = await withList(text({ schemaVersion: 2, mediaType: 'x', manifests }));
      const found = await target.referrers(image.descriptor);
      assert.deepEqual(new Set(found.map(({ digest }) => digest)), new Set([signature.descriptor.digest]));
      await target.push(second.descriptor, second.bytes);
      assert.deepEqual(
        listed().map(({ digest }) => digest),
        [signature.descriptor.digest, second.descriptor.digest],
      );
    });
  }

  for (const [what, bytes, type] of [
    ['an image in its place', image.bytes, mediaTypes.manifest],
    ['text in its place', new TextEncoder().encode('broken'), mediaTypes.index],
    ['a list that is no list', text({ schemaVersion: 2, manifests: 'x' }), mediaTypes.index],
    ['nothing in its place', new Uint8Array(), mediaTypes.index],
  ] as const) {
    it(`that has ${what} is named, and replaced by the next signature`, async () => {
      const { target, listed } = await withList(bytes, type);
      await assert.rejects(target.referrers(image.descriptor), {
        kind: 'InvalidInput',
        message: /\/a:sha256-[0-9a-f]{64}: is not a list of referrers/,
        hint: /sign/,
      });
      await target.push(signature.descriptor, signature.bytes);
      const expected = [{ ...signature.descriptor, artifactType: 'a/signature' }];
      assert.deepEqual(listed(), expected);
      assert.deepEqual(await target.referrers(image.descriptor), expected);
    });
  }

  for (const [what, junk] of [
    ['many', strangers(10_001).map(({ descriptor }) => descriptor)],
    ['long', [{ ...other.descriptor, annotations: { note: 'x'.repeat(5_000_000) } }]],
  ] as const) {
    it(`that is too ${what} to be read is written anew without what points to nowhere`, async () => {
      const { target, kept, listed } = await withList(
        text({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: [...junk, second.descriptor] }),
      );
      kept.set(`/manifests/${second.descriptor.digest}`, { bytes: second.bytes, type: mediaTypes.manifest });
      await assert.rejects(target.referrers(image.descriptor), { kind: 'LimitExceeded' });
      await target.push(signature.descriptor, signature.bytes);
      assert.deepEqual(
        listed().map(({ digest }) => digest),
        [second.descriptor.digest, signature.descriptor.digest],
      );
    });
  }

  it('is not changed by the deletion of what it does not list', async () => {
    const { target, kept } = await withList(image.bytes, mediaTypes.manifest);
    kept.set(`/manifests/${signature.descriptor.digest}`, { bytes: signature.bytes, type: mediaTypes.manifest });
    await target.delete(signature.descriptor);
    assert.deepEqual(kept.get(tag)?.bytes, image.bytes);
  });
});

describe('referrers of a registry with the API', () => {
  it('are read if some of them are not descriptors', async () => {
    const page = JSON.stringify({ schemaVersion: 2, manifests: [{ mediaType: 7 }, signature.descriptor] });
    const { target } = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': mediaTypes.index }).end(page);
    });
    assert.deepEqual(await target.referrers(image.descriptor), [signature.descriptor]);
  });

  it('are refused if their pages have more than 32 MiB', async () => {
    const wide = { ...signature.descriptor, annotations: { note: 'x'.repeat(3_900_000) } };
    const page = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: [wide] });
    const { target, seen } = await serve((_request, response) => {
      const link = `</v2/a/referrers/x?n=${seen.length}>; rel="next"`;
      response.writeHead(200, { 'content-type': mediaTypes.index, link }).end(page);
    });
    await assert.rejects(target.referrers(image.descriptor), { kind: 'LimitExceeded', message: /referrers/ });
    assert(seen.length < 12, `${seen.length} pages were asked for`);
  });

  it('are removed from the tag too if the answer to the deletion was lost', async () => {
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

  it('stay listed if the registry answers the deletion with 404, but still has the manifest', async () => {
    const { target, seen } = await serve((request, response) => {
      if (request.method === 'DELETE') response.writeHead(404).end('page not found');
      else answerManifest(response, request, signature.bytes, signature.descriptor.digest);
    });
    await assert.rejects(target.delete(signature.descriptor), { kind: 'NotFound', message: /^DELETE / });
    assert(!seen.some((request) => request.startsWith('PUT')), seen.join('\n'));
  });
});
