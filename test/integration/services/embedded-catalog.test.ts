import assert from 'node:assert/strict';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { root } from '#test/support/cli/package';
import { runFairlead, succeeded } from '#test/support/cli/run';
import { type Services, startServe } from '#test/support/cli/serve';

const project = `repository: localhost/profiles
version: 1.0.0
latest: true
profiles:
  - file: nginx.json
    annotations: {dev.fairlead.profile.images: docker.io/library/nginx}
  - file: deny-chmod.json
`;

describe('fairlead serve --embedded --seed', () => {
  let folder = '';
  let services: Services;
  const start = () =>
    startServe(
      ['--embedded', 'data', '--seed', 'seed/fairlead.yaml', '--push', '127.0.0.1:0', '--pull', '127.0.0.1:0'],
      { cwd: folder },
    );
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairlead-embedded-'));
    await mkdir(join(folder, 'seed'));
    await writeFile(join(folder, 'seed/fairlead.yaml'), project);
    for (const name of ['nginx.json', 'deny-chmod.json'])
      await copyFile(join(root, 'examples', name), join(folder, 'seed', name));
    services = await start();
  });
  after(async () => {
    await services.stop();
    await rm(folder, { recursive: true });
  });

  /** Returns the digest of the catalog that the pull service has in force. */
  const inForce = async (): Promise<string | undefined> => {
    const { catalogs } = (await (await fetch(`${services.pull}/readyz`)).json()) as {
      readonly catalogs: readonly [{ readonly reference: string; readonly digest?: string }];
    };
    assert.equal(catalogs[0].reference, 'localhost/catalog:latest');
    return catalogs[0].digest;
  };
  /** Returns what `catalog search` finds, which verifies the catalog. */
  const found = async (): Promise<string> => {
    const source = ['--catalog', 'localhost/catalog:latest', '--oci-layout', 'data/registry'];
    const args = ['catalog', 'search', ...source, '--policy', 'data/policy.yaml', '--output', 'json'];
    return succeeded(await runFairlead(args, { cwd: folder }));
  };
  /** Returns the indexes of all repositories. */
  const stored = async (): Promise<Readonly<Record<string, string>>> => {
    const registry = join(folder, 'data/registry');
    const names = (await readdir(registry, { recursive: true })).filter((name) => name.endsWith('index.json'));
    const read = names.map(async (name) => [name, await readFile(join(registry, name), 'utf8')] as const);
    return Object.fromEntries(await Promise.all(read));
  };

  it('has a signed catalog of the profiles of the project from the start', async () => {
    while ((await inForce()) === undefined);
    const text = await found();
    for (const name of ['localhost/profiles/nginx', 'localhost/profiles/deny-chmod']) assert.ok(text.includes(name));
  });

  it('adds what is published through the push service at once', async () => {
    const before = await inForce();
    const token = (await readFile(join(folder, 'data/token'), 'utf8')).trim();
    const response = await fetch(`${services.push}/v1/profiles?reference=localhost/security/other:1`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: await readFile(join(folder, 'seed/nginx.json')),
    });
    assert.equal(response.status, 201);
    while ((await inForce()) === before);
    assert.ok((await found()).includes('localhost/security/other'));
  });

  it('publishes nothing at the next start, not even what was changed in the project', async () => {
    const [first, digest] = [await stored(), await inForce()];
    assert.equal(Object.keys(first).length, 4);
    assert.equal(await services.stop(), 0);
    await writeFile(join(folder, 'seed/fairlead.yaml'), project.replace('1.0.0', '2.0.0'));
    services = await start();
    while ((await inForce()) !== digest);
    assert.deepEqual(await stored(), first);
  });

  it('has an empty catalog in a directory without profiles', async () => {
    assert.equal(await services.stop(), 0);
    services = await startServe(['--embedded', 'empty', '--pull', '127.0.0.1:0'], { cwd: folder });
    while ((await inForce()) === undefined);
  });

  it('is refused without --embedded, as other options are that would have no effect', async () => {
    for (const [service, option, value, needed] of [
      ['pull', '--seed', 'seed/fairlead.yaml', '--embedded'],
      ['pull', '--audit-log', 'audit', '--push'],
      ['push', '--decision-log', 'decisions', '--pull'],
      ['push', '--catalog', 'localhost/catalog:latest', '--pull'],
    ] as const) {
      const args = ['serve', `--${service}`, '127.0.0.1:0', '--policy', 'data/policy.yaml', option, value];
      const { code, stderr } = await runFairlead(args, { cwd: folder });
      assert.equal(code, 2);
      assert.equal(stderr, `error: ${option} has no effect without ${needed}\n`);
    }
  });
});
