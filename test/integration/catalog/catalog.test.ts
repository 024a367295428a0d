import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, watch, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, it } from 'node:test';
import { makeImages } from '#test/peers/image';
import { peer } from '#test/peers/peer';
import { startRefreg } from '#test/peers/refreg';
import { startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { failed, launcher, run, succeeded } from '#test/support/cli/run';
import { fairlead, folder } from '#test/support/cli/signing-folder';

const json = async (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  JSON.parse(succeeded(await fairlead([...args, '--output', 'json'], { env })));

const allowing = (...names: readonly string[]): string =>
  JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names, action: 'SCMP_ACT_ALLOW' }] });

interface Refused {
  readonly reference: string;
  readonly error: { readonly kind: string };
}

for (const [name, start] of [
  ['docker-registry', startRegistry],
  ['refreg', startRefreg],
] as const) {
  describePeers([name, 'skopeo', 'crane', 'cosign', 'oras'], `fairlead catalog at ${name}`, () => {
    let registry: Awaited<ReturnType<typeof start>>;
    let host = '';
    let catalog = '';
    const tool = async (program: 'cosign' | 'crane' | 'oras' | 'skopeo', ...args: string[]): Promise<string> =>
      succeeded(await run(peer(program), args, { cwd: folder, env: { HOME: folder, COSIGN_PASSWORD: '' } }));
    const push = async (repository: string, file: string, ...args: string[]): Promise<string> =>
      (await json(['push', file, `${host}/${repository}`, ...args])).digest;
    const build = (...args: string[]) =>
      json(['catalog', 'build', catalog, '--registry', host, '--key', 'a.key', ...args]);
    const digestNow = async (): Promise<string> => (await json(['inspect', catalog])).digest;
    let first = '';

    before(async () => {
      registry = await start();
      host = registry.host;
      catalog = `${host}/security/catalog:latest`;
      await writeFile(join(folder, 'two.json'), allowing('read', 'write'));
      const key = ['--key', 'a.key'];
      first = await push(
        'profiles/nginx:1.0.0',
        'p.json',
        ...key,
        ...['--annotation', 'dev.fairlead.profile.images=docker.io/library/nginx'],
        ...['--annotation', 'dev.fairlead.profile.summary=\u001b[31mred\u202e'],
      );
      await push('profiles/redis:7.4.0', 'two.json', ...key);
      await push('profiles/unsigned:1', 'p.json', '--unsigned');
      await push('profiles/strange:1', 'p.json', '--key', 'b.key');
      const [image] = await makeImages();
      await writeFile(join(folder, 'image.tar'), image?.archive ?? '');
      await tool(
        'skopeo',
        ...['copy', '--format', 'oci', '--dest-tls-verify=false', `oci-archive:${folder}/image.tar`],
        `docker://${host}/images/web:1.27`,
      );
      const { digest } = await json(['inspect', `${host}/images/web:1.27`]);
      await push('images/web', 'two.json', ...key, '--subject', `${host}/images/web@${digest}`);
    });
    after(() => registry.stop());

    it('is built of what verifies, with the reason for the rest', async () => {
      const built = await build('--image', `${host}/images/web:1.27`);
      assert.deepEqual([built.written, built.profiles, built.versions, built.skipped], [true, 3, 3, 1]);
      const refused = built.refused.map(({ reference, error }: Refused) => [
        reference.split(/[:@](?!\d+\/)/)[0],
        error.kind,
      ]);
      assert.deepEqual(refused.sort(), [
        [`${host}/profiles/strange`, 'SignatureInvalid'],
        [`${host}/profiles/unsigned`, 'SignatureInvalid'],
      ]);
    });

    it('is not written again if nothing changed', async () => {
      const digest = await digestNow();
      const again = await build('--image', `${host}/images/web:1.27`);
      assert.deepEqual([again.written, again.digest, again.signature], [false, digest, null]);
      // The image, and two profiles that are not listed.
      assert.equal(again.read, 3);
      const sources = ['--registry', host, '--image', `${host}/images/web:1.27`];
      const text = succeeded(await fairlead(['catalog', 'build', catalog, ...sources, '--key', 'a.key']));
      assert.match(text, /^left out {3}.*\/unsigned:1@.* is not signed; it must be signed by key a\.key$/m);
      assert.match(
        text,
        /^left out {3}.*\/strange:1@.*is by key a\.key:\n {2}sha256:.* it was not made with this key$/m,
      );
    });

    it('is searched, and a hostile text cannot control the terminal', async () => {
      const trust = ['--catalog', catalog, '--key', 'a.pub'];
      const found = await json(['catalog', 'search', '--image', 'docker.io/library/nginx', ...trust]);
      assert.deepEqual(
        found.profiles.map(({ repository }: { repository: string }) => repository),
        [`${host}/profiles/nginx`],
      );
      assert.deepEqual(found.profiles[0].newest.calls, { allowed: 1, baseline: 352, asked: 0 });
      const text = succeeded(await fairlead(['catalog', 'search', 'nginx', ...trust]));
      assert.match(text, /summary +\\u\{1b\}\[31mred\\u\{202e\}/);
      const attached = await json(['catalog', 'search', '--image', `${host}/images/web`, ...trust]);
      assert.deepEqual([attached.total, attached.profiles[0].newest.tags], [1, []]);
      failed(
        await fairlead(['catalog', 'search', '--catalog', catalog, '--key', 'b.pub']),
        5,
        /no signature of .* is by key b\.pub/,
      );
      failed(await fairlead(['catalog', 'search', '--catalog', catalog]), 2, /nothing specifies what it must meet/);
      failed(
        await fairlead(['catalog', 'list', '--catalog', `${host}/profiles/nginx:1.0.0`, '--key', 'a.pub']),
        3,
        /it is not a catalog: its media type/,
      );
    });

    it('verifies with cosign, and is read and copied by crane and oras', async () => {
      const digest = await digestNow();
      const repository = `${host}/security/catalog`;
      await tool(
        'cosign',
        ...[
          'verify',
          '--key',
          'a.pub',
          '--insecure-ignore-tlog=true',
          '--allow-http-registry',
          `${repository}@${digest}`,
        ],
      );
      const index = JSON.parse(await tool('crane', 'manifest', '--insecure', catalog));
      assert.equal(index.artifactType, 'application/vnd.fairlead.catalog.v1+json');
      assert.deepEqual(JSON.parse(await tool('oras', 'manifest', 'fetch', '--plain-http', catalog)), index);
      await tool('oras', 'cp', '--from-plain-http', '--to-plain-http', catalog, `${host}/copies/oras:1`);
      await tool('crane', 'cp', '--insecure', catalog, `${host}/copies/crane:1`);
      succeeded(await fairlead(['copy', catalog, `${host}/copies/fairlead:1`]));
      for (const copy of ['oras', 'crane', 'fairlead']) {
        const listed = await json([
          'catalog',
          'list',
          '--catalog',
          `${host}/copies/${copy}:1`,
          '--insecure-unverified',
        ]);
        assert.deepEqual([listed.catalogs[0].versions, listed.catalogs[0].digest], [3, digest], copy);
      }
      const signed = ['--catalog', `${host}/copies/fairlead:1`, '--key', 'a.pub'];
      assert.equal((await json(['catalog', 'list', ...signed])).catalogs[0].error, null);
    });

    it('is followed: a new version is read, written in its shard, and compared', async () => {
      await mkdir(join(folder, name, 'fairlead'), { recursive: true });
      await writeFile(
        join(folder, name, 'fairlead', 'catalogs.yaml'),
        `catalogs:\n  - {name: acme, reference: "${catalog}", key: ../../a.pub}\n`,
      );
      const env = { XDG_CONFIG_HOME: join(folder, name) };
      const state = join(folder, name, 'seen.json');
      const follow = ['catalog', 'follow', '--state', state, '--output', 'json'];
      assert.equal(succeeded(await fairlead(follow, { env })), '');
      const before = await digestNow();
      const second = await push('profiles/nginx:1.1.0', 'two.json', '--key', 'a.key');
      const built = await build('--image', `${host}/images/web:1.27`);
      assert.deepEqual([built.written, built.shards.written, built.added[0].digest], [true, 1, second]);

      const { catalog: named, news } = JSON.parse(succeeded(await fairlead(follow, { env })));
      assert.equal(named, 'acme');
      assert.deepEqual(
        news.map(({ change, from, to, tag, loosened }: Record<string, unknown>) => [change, from, to, tag, loosened]),
        [['updated', `${host}/profiles/nginx@${first}`, `${host}/profiles/nginx@${second}`, '1.1.0', true]],
      );
      assert.deepEqual(
        news[0].changes.map(({ subject, direction }: Record<string, unknown>) => [subject, direction]),
        [['write', 'loosened']],
      );
      assert.equal(succeeded(await fairlead(follow, { env })), '');
      assert.equal(JSON.parse(await readFile(state, 'utf8')).catalogs[catalog][`${host}/profiles/nginx`], second);

      const diff = await json(['catalog', 'diff', `${host}/security/catalog@${before}`, 'acme'], env);
      assert.deepEqual([diff.added.length, diff.removed, diff.moved], [1, [], []]);
      const info = await json(['catalog', 'info', 'nginx'], env);
      assert.deepEqual(
        info.versions.map(({ tags }: { tags: string[] }) => tags),
        [['1.1.0'], ['1.0.0']],
      );
      assert.equal(info.manifest.digest, second);
      failed(await fairlead(['catalog', 'info', 'nothing'], { env }), 7, /no catalog has a profile "nothing"/);
    });

    // What follows does not depend on the registry.
    if (name === 'docker-registry') return;

    it('stays as it is if a registry does not answer', async () => {
      const other = await start();
      const gone = `${other.host}/profiles/gone`;
      await other.stop();
      const digest = await digestNow();
      await push('profiles/late:1.0.0', 'p.json', '--key', 'a.key');
      const args = ['catalog', 'build', catalog, '--registry', host, '--repository', gone, '--key', 'a.key'];
      failed(await fairlead(args), 8, new RegExp(other.host));
      assert.equal(await digestNow(), digest);
    });

    it('is followed until the program is stopped, also past a pass that fails', async () => {
      const later = `${host}/later/catalog:latest`;
      const args = [
        'catalog',
        'follow',
        '--interval',
        '1',
        '--catalog',
        later,
        '--key',
        'a.pub',
        '--state',
        'later.json',
      ];
      const follower = spawn(process.execPath, [launcher, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
      const [lines, failures] = [createInterface(follower.stdout), createInterface(follower.stderr)];
      try {
        assert.match((await once(failures, 'line'))[0], /failed: .*later\/catalog/);
        const rebuild = () => json(['catalog', 'build', later, '--prefix', `${host}/later/p`, '--key', 'a.key']);
        await push('later/p:1.0.0', 'p.json', '--key', 'a.key');
        const seen = watch(folder, { signal: AbortSignal.timeout(60_000) });
        await rebuild();
        for await (const { filename } of seen) if (filename === 'later.json') break;
        const line = once(lines, 'line');
        await push('later/p:2.0.0', 'two.json', '--key', 'a.key');
        await rebuild();
        assert.match((await line)[0], new RegExp(`^updated +${host}/later/p {2}2\\.0\\.0$`));
      } finally {
        const ended = once(follower, 'close');
        follower.kill('SIGTERM');
        assert.deepEqual(await ended, [null, 'SIGTERM']);
      }
    });

    it('names what is wrong with its arguments', async () => {
      const attempt = (...args: string[]) => fairlead(['catalog', 'build', catalog, '--key', 'a.key', ...args]);
      failed(await attempt(), 2, /no source of profiles is specified/);
      failed(await attempt('--registry', 'nothing'), 2, /invalid registry "nothing"/);
      failed(await attempt('--prefix', host), 2, /invalid prefix .*: want registry\/prefix/);
      failed(await attempt('--repository', `${host}/a:1`), 2, /is the reference of an artifact, not a repository/);
      failed(
        await fairlead(['catalog', 'build', catalog, '--registry', host, '--unsigned']),
        2,
        /nothing specifies which profiles are taken/,
      );
      failed(
        await fairlead(['catalog', 'follow', '--catalog', catalog, '--key', 'a.pub']),
        2,
        /since when versions are new/,
      );
      failed(await fairlead(['catalog', 'list']), 2, /no catalog is specified/);
    });
  });
}
