import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fetchBytes } from '#lib/registry/fetch-bytes';
import { layoutRepository } from '#lib/registry/layout/repository';
import { parseManifest } from '#lib/registry/manifest';
import { failed, type RunOptions, runFairlead, succeeded } from '#test/support/cli/run';
import { type Services, startServe } from '#test/support/cli/serve';

const profile =
  '{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read", "write"], "action": "SCMP_ACT_ALLOW"}]}\n';
const armor = '{"filesystem": {"readOnlyPaths": ["/etc/nginx/**"]}, "network": {}}\n';
const title = 'org.opencontainers.image.title';
const name = 'dev.fairlead.profile.name';

describe('the digest of a published profile', () => {
  let directory = '';
  let services: Services;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fairlead-digest-'));
    await mkdir(join(directory, 'other directory'));
    for (const file of ['nginx.json', 'other directory/Web Server.JSON', 'no-extension'])
      await writeFile(join(directory, file), profile);
    await writeFile(join(directory, 'armor.json'), armor);
    const listen = ['--push', '127.0.0.1:0', '--pull', '127.0.0.1:0'];
    services = await startServe(['--embedded', 'served', ...listen], { cwd: directory });
  });
  after(async () => {
    await services.stop();
    await rm(directory, { recursive: true });
  });

  let pushed = 0;
  const push = async (args: readonly string[], options: RunOptions = {}): Promise<string> => {
    const to = [`localhost/security/nginx:${pushed++}`, '--oci-layout', 'registry', '--unsigned', '--output', 'json'];
    return JSON.parse(succeeded(await runFairlead(['push', ...args, ...to], { cwd: directory, ...options }))).digest;
  };
  const post = async (body: string, query = ''): Promise<string> => {
    const token = await readFile(join(directory, 'served/token'), 'utf8');
    const url = `${services.push}/v1/profiles?reference=localhost/security/nginx:${pushed++}${query}`;
    const headers = { 'content-type': 'application/octet-stream', authorization: `Bearer ${token.trim()}` };
    const response = await fetch(url, { method: 'POST', headers, body });
    assert.equal(response.status, 201);
    return Object(await response.json()).digest;
  };
  const manifest = async (digest: string) => {
    const repository = layoutRepository(join(directory, 'registry'), 'localhost/security/nginx');
    const descriptor = await repository.resolve(digest);
    return parseManifest(await fetchBytes(repository, descriptor, { limit: 64 * 1024 }));
  };

  it('is the same for the same bytes, from a file of whatever name, from stdin and by HTTP', async () => {
    const digest = await push(['nginx.json']);
    const others = [
      await push(['other directory/Web Server.JSON']),
      await push([join(directory, 'no-extension')]),
      await push(['-'], { input: profile }),
      await push(['nginx.json'], { env: { TZ: 'Pacific/Auckland', LANG: 'tr_TR.UTF-8', HOSTNAME: 'elsewhere' } }),
      await post(profile),
    ];
    assert.deepEqual(others, Array(5).fill(digest));
    const { layers, annotations } = await manifest(digest);
    assert.equal(layers[0]?.annotations?.[title], 'profile.json', 'what oras calls the file that it writes');
    assert.equal(annotations?.[name], undefined);
  });

  it('is the same for AppArmor as well', async () => {
    assert.equal(await push(['armor.json']), await post(armor));
  });

  it('changes with a title, which is part of the artifact if requested, in the same way for each input', async () => {
    const digest = await push(['nginx.json', '--title', 'web.json']);
    assert.notEqual(digest, await push(['nginx.json']));
    assert.equal(await push(['-', '--title', 'web.json'], { input: profile }), digest);
    assert.equal(await post(profile, '&title=web.json'), digest);
    const { layers, annotations } = await manifest(digest);
    assert.deepEqual([layers[0]?.annotations?.[title], annotations?.[name]], ['web.json', 'web']);
    const bad = ['push', 'nginx.json', 'localhost/a:1', '--unsigned', '--oci-layout', 'registry', '--title', '../a'];
    failed(await runFairlead(bad, { cwd: directory }), 2, /invalid file name "\.\.\/a"/);
  });

  it('changes with the creation time, which SOURCE_DATE_EPOCH asks for', async () => {
    const env = { SOURCE_DATE_EPOCH: '1700000000' };
    assert.notEqual(await push(['nginx.json'], { env }), await push(['nginx.json']));
  });

  it('leaves the name of the file to messages', async () => {
    await writeFile(join(directory, 'wrong.json'), '{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": []}]}');
    const to = ['localhost/a:1', '--unsigned', '--oci-layout', 'registry'];
    failed(await runFairlead(['push', 'wrong.json', ...to], { cwd: directory }), 3, /wrong\.json:1:/);
    failed(await runFairlead(['push', '-', ...to], { cwd: directory, input: '{' }), 3, /stdin:1:/);
  });
});
