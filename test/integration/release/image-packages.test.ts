import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { digestOf } from '#lib/registry/digest';
import { describePeers } from '#test/peers/require';
import { fetchPackage, packageUrls } from '../../../tools/release/image/fetch-package.ts';
import { type PinnedPackage, readPins } from '../../../tools/release/image/pinned-packages.ts';

const content = Buffer.from('the bytes of a package');
const wanted: PinnedPackage = {
  name: 'libexample1',
  version: '1.2+deb13u1',
  archive: 'debian',
  path: 'pool/main/e/example/libexample1_1.2+deb13u1_amd64.deb',
  sha256: digestOf(content).slice('sha256:'.length),
  sha1: '0123456789012345678901234567890123456789',
};

const servers: Server[] = [];

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describePeers(['apt-helper'], 'a package of the image', () => {
  let cache = '';
  let requests = 0;
  let good = '';
  before(async () => {
    good = await serve((_request, response) => {
      requests++;
      response.end(content);
    });
  });
  after(async () => {
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
    await rm(cache, { recursive: true, force: true });
  });
  const emptyCache = async (): Promise<string> => {
    await rm(cache, { recursive: true, force: true });
    cache = await mkdtemp(join(tmpdir(), 'fairlead-cache-'));
    requests = 0;
    return cache;
  };

  it('is downloaded once, and again if its file in the cache was changed', async () => {
    const options = { cache: await emptyCache(), urls: [`${good}/x.deb`] };
    const file = await fetchPackage(wanted, options);
    assert.deepEqual(await readFile(file), content);
    assert.equal(await fetchPackage(wanted, options), file);
    assert.equal(requests, 1);
    await writeFile(file, 'something else');
    assert.deepEqual(await readFile(await fetchPackage(wanted, options)), content);
    assert.equal(requests, 2);
  });

  it('comes from the next server if one has removed it, or has other bytes under its name', async () => {
    const gone = await serve((_request, response) => response.writeHead(404).end());
    const evil = await serve((_request, response) => response.end('the bytes of no package'));
    const urls = [`${gone}/x.deb`, `${evil}/x.deb`, `${good}/x.deb`];
    assert.deepEqual(await readFile(await fetchPackage(wanted, { cache: await emptyCache(), urls })), content);
    assert.equal(requests, 1);
  });

  it('is refused, with the answer of each server, if none has it; nothing stays in the cache', async () => {
    const gone = await serve((_request, response) => response.writeHead(404).end());
    const evil = await serve((_request, response) => response.end('the bytes of no package'));
    const hanging = await serve(() => undefined);
    const urls = [`${gone}/a.deb`, `${evil}/b.deb`, `${hanging}/c.deb`, 'http://127.0.0.1:1/d.deb'];
    await assert.rejects(
      fetchPackage(wanted, { cache: await emptyCache(), urls, timeout: 1 }),
      ({ message }: Error) => {
        assert.match(message, /^cannot download libexample1_1\.2\+deb13u1_amd64\.deb, which the image needs:$/m);
        assert.match(message, /a\.deb: 404/);
        assert.match(message, /b\.deb: Hash Sum mismatch/);
        assert.match(message, /c\.deb: Connection failed/);
        assert.match(message, /d\.deb: Could not connect .* Connection refused/);
        assert.match(message, /update-packages\.ts$/);
        return true;
      },
    );
    assert.deepEqual(await readdir(cache), []);
  });

  it('is looked for at the mirror, and then in the archive of all files that Debian ever had', () => {
    const urls = packageUrls(wanted);
    const file = 'pool/main/e/example/libexample1_1.2%2Bdeb13u1_amd64.deb';
    assert.ok(urls.length >= 2 && new Set(urls).size === urls.length, String(urls));
    for (const url of urls.slice(0, -1)) assert.ok(/^https?:/.test(url) && url.endsWith(`/${file}`), url);
    assert.equal(urls.at(-2), `https://deb.debian.org/debian/${file}`);
    assert.equal(urls.at(-1), `https://snapshot.debian.org/file/${wanted.sha1}`);
  });

  it('is pinned for both architectures, in the same version', () => {
    const { amd64, arm64 } = readPins().packages;
    const versions = (pins: readonly PinnedPackage[]) => pins.map(({ name, version }) => `${name} ${version}`);
    assert.deepEqual(versions(amd64), versions(arm64));
    for (const { sha256, sha1, path } of [...amd64, ...arm64]) {
      assert.match(sha256, /^[0-9a-f]{64}$/, path);
      assert.match(sha1, /^[0-9a-f]{40}$/, path);
    }
  });
});
