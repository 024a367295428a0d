import assert from 'node:assert/strict';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, it } from 'node:test';
import { peer } from '#test/peers/peer';
import { type Refreg, startRefreg } from '#test/peers/refreg';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { failed, type RunOptions, run, runFairlead, succeeded } from '#test/support/cli/run';

const profile = (...names: readonly string[]): string =>
  JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names, action: 'SCMP_ACT_ALLOW' }] });

let cwd = '';
before(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'fairlead-push-many-'));
  succeeded(await runFairlead(['keygen'], { cwd }));
  succeeded(await runFairlead(['keygen', '--prefix', 'other'], { cwd }));
});
after(() => rm(cwd, { recursive: true }));

async function write(name: string, text: string): Promise<void> {
  const file = join(cwd, name);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}

const fairlead = (args: readonly string[], options: RunOptions = {}) => runFairlead(args, { cwd, ...options });
async function json(args: readonly string[]) {
  return JSON.parse(succeeded(await fairlead([...args, '--output', 'json'])));
}
const statuses = ({ profiles }: { profiles: { name: string; status: string }[] }) =>
  Object.fromEntries(profiles.map(({ name, status }) => [name, status]));

/** The writes that a registry has answered: everything but GET and HEAD. */
async function writes(registry: Registry): Promise<number> {
  const log = await readFile(registry.log, 'utf8');
  return log.split('\n').filter((line) => /response completed/.test(line) && /method=(PUT|POST|PATCH)/.test(line))
    .length;
}

describePeers(
  ['docker-registry', 'refreg', 'cosign', 'oras', 'crane', 'skopeo'],
  'fairlead push of many profiles',
  () => {
    let registry: Registry;
    let modern: Refreg;
    const names = Array.from({ length: 30 }, (_, at) => `p${String(at).padStart(2, '0')}`);
    before(async () => {
      [registry, modern] = await Promise.all([startRegistry(), startRefreg()]);
      for (const name of names)
        await write(`many/${name}.json`, profile('read', 'write', name === 'p00' ? 'close' : 'openat'));
    });
    after(() => Promise.all([registry.stop(), modern.stop()]));

    it('publishes them signed, and a second run sends nothing', async () => {
      for (const host of [registry.host, modern.host]) {
        const push = ['push', 'many', `${host}/profiles/`, '--version', '1.4.2', '--key', 'fairlead.key'];
        const first = await json(push);
        assert.deepEqual(first.summary, { published: 30, unchanged: 0, planned: 0, refused: 0, failed: 0 });
        const before = host === registry.host ? await writes(registry) : 0;
        const second = await json(push);
        assert.deepEqual(second.summary, { published: 0, unchanged: 30, planned: 0, refused: 0, failed: 0 });
        if (host === registry.host) assert.equal(await writes(registry), before);
        assert.deepEqual(
          second.profiles.map(({ digest }: { digest: string }) => digest),
          first.profiles.map(({ digest }: { digest: string }) => digest),
        );
      }
    });

    it('publishes what cosign, oras, crane and skopeo read', async () => {
      for (const name of [names[0], names[29]]) {
        const at = `${registry.host}/profiles/${name}:1.4.2`;
        const key = ['--key', 'fairlead.pub', '--insecure-ignore-tlog', '--allow-http-registry'];
        succeeded(await run(peer('cosign'), ['verify', ...key, at], { cwd }));
        const digest = succeeded(await run(peer('crane'), ['digest', '--insecure', at], { cwd })).trim();
        const manifest = JSON.parse(
          succeeded(
            await run(
              peer('oras'),
              ['manifest', 'fetch', '--plain-http', `${registry.host}/profiles/${name}@${digest}`],
              { cwd },
            ),
          ),
        );
        assert.equal(manifest.artifactType, 'application/vnd.cncf.seccomp-profile.config.v1+json');
        assert.deepEqual(Object.keys(manifest.annotations).sort(), [
          'dev.fairlead.profile.kind',
          'dev.fairlead.profile.summary',
        ]);
        const raw = succeeded(
          await run(peer('skopeo'), ['inspect', '--raw', '--tls-verify=false', `docker://${at}`], { cwd }),
        );
        assert.deepEqual(JSON.parse(raw), manifest);
      }
    });

    it('stops a profile that was loosened, publishes the others, and leaves tags as they are in a dry run', async () => {
      await write('many/p07.json', profile('read', 'write', 'openat', 'ptrace'));
      await write('many/p08.json', profile('read'));
      await write('many/new.json', profile('read'));
      await write('many/broken.json', '{"defaultAction": "SCMP_ACT_DENY"}');
      const push = [
        'push',
        'many',
        `${registry.host}/profiles/`,
        '--version',
        '1.4.3',
        '--key',
        'fairlead.key',
        '--fail-on',
        'loosened',
      ];
      const before = await writes(registry);
      const dry = await fairlead([...push, '--dry-run', '--output', 'json']);
      assert.equal(dry.code, 3);
      assert.equal(await writes(registry), before);
      const planned = statuses(JSON.parse(dry.stdout));
      assert.deepEqual(
        ['p07', 'p08', 'new', 'broken', 'p01'].map((name) => planned[name]),
        ['refused', 'planned', 'planned', 'failed', 'planned'],
      );
      const result = await fairlead(push);
      failed(
        result,
        3,
        /^error: 1 of 32 profiles could not be published\n {2}broken: many\/broken\.json:1:\d+: defaultAction/m,
      );
      assert.match(result.stdout, /^refused {4}p07 {5}the profile permits what .*\/p07:1\.4 does not: ptrace$/m);
      assert.match(result.stdout, /^p07:\n(.*\n)* {4}Loosened:\n/m);
      assert.match(result.stdout, /^30 published, 1 refused, 1 failed; signer: key [0-9a-f]{64}$/m);
      const [kept, moved] = [
        await json(['ls', `${registry.host}/profiles/p07`]),
        await json(['ls', `${registry.host}/profiles/p08`]),
      ];
      assert.deepEqual(kept.names, ['1', '1.4', '1.4.2']);
      assert.deepEqual(moved.names, ['1', '1.4', '1.4.2', '1.4.3']);
      await rm(join(cwd, 'many/broken.json'));
      failed(
        await fairlead(push),
        1,
        /^failed: 1 of 31 profiles were not published: p07\nhint: Review the difference/m,
      );
      succeeded(await fairlead(push.slice(0, -2)));
    });

    it('names nothing that is not in the registry for a profile that was stopped', async () => {
      const name = `${registry.host}/stopped/app`;
      const push = ['push', 'many/p01.json', name, '--version', '1.4.3', '--key', 'fairlead.key'];
      succeeded(await fairlead(push));
      await write('stopped.json', profile('read', 'write', 'openat', 'ptrace'));
      for (const [version, gate] of [
        ['1.4.4', '--fail-on=loosened'],
        ['1.4.3', '--no-overwrite'],
      ] as const) {
        const stopped = ['push', 'stopped.json', name, '--version', version, '--key', 'fairlead.key', gate];
        const { code, stdout } = await fairlead([...stopped, '--output', 'json']);
        const { status, reference, digest, tag, tags, error, loosened } = JSON.parse(stdout);
        assert.deepEqual([code, status, reference, digest, tag, loosened], [1, 'refused', null, null, version, true]);
        for (const { change } of tags) assert.equal(change, 'none');
        assert.equal(error.kind, null);
        const text = await fairlead(stopped);
        assert.match(
          text.stdout,
          new RegExp(`^refused +${name}\ntag +${version}, 1\\.4, 1 \\(not changed\\)\nkind`, 'm'),
        );
        assert.equal((await fairlead([...stopped, '--quiet'])).stdout, '');
        const output = join(cwd, `outputs-${version}`);
        await write(`outputs-${version}`, '');
        await fairlead([...stopped, '--output', 'github'], { env: { GITHUB_OUTPUT: output } });
        const outputs = await readFile(output, 'utf8');
        assert.match(outputs, /^changed<<(\S+)\nfalse\n\1\n/m);
        for (const empty of ['reference', 'digest'])
          assert.match(outputs, new RegExp(`^${empty}<<(\\S+)\n\n\\1\n`, 'm'));
        assert.match(outputs, /"reference":null,"digest":null/);
      }
    });

    it('publishes a project, with signers and repositories of its profiles', async () => {
      await write(
        'project/fairlead.yaml',
        `repository: ${registry.host}/project
tag: stable
signer: {key: ../fairlead.key}
annotations: {team: web}
profiles:
  - {file: ../many/p01.json, name: one}
  - {file: ../many/p02.json, repository: "${registry.host}/elsewhere/two", version: 2.0.0, signer: {key: ../other.key}}
`,
      );
      const project = ['push', '--project', 'project/fairlead.yaml'];
      const all = await json(project);
      assert.deepEqual(
        all.profiles.map(({ name, tag }: { name: string; tag: string }) => [name, tag]),
        [
          ['one', 'stable'],
          ['p02', '2.0.0'],
        ],
      );
      await json(['verify', `${registry.host}/project/one:stable`, '--key', 'fairlead.pub']);
      await json(['verify', `${registry.host}/elsewhere/two:2`, '--key', 'other.pub']);
      const { content } = await json(['inspect', `${registry.host}/project/one:stable`]);
      assert.equal(content.annotations.team, 'web');
      const some = await json([...project, 'many/p02.json']);
      assert.deepEqual(statuses(some), { p02: 'unchanged' });
      failed(await fairlead([...project, 'many/p03.json']), 2, /has no profile many\/p03\.json/);
      await mkdir(join(cwd, 'none'), { recursive: true });
      await write('none.yaml', `repository: ${registry.host}/none\ntag: x\nprofiles: [{directory: none}]\n`);
      failed(await fairlead(['push', '--project', 'none.yaml']), 2, /none\.yaml names no profiles/);
    });

    it('publishes the fairlead.yaml of the guide as it is', async () => {
      const guide = await readFile(new URL('../../../docs/guides/publishing.md', import.meta.url), 'utf8');
      const [, yaml = ''] = /```yaml\n(# fairlead\.yaml.*?)```/s.exec(guide) ?? [];
      const acme = `${registry.host}/guide`;
      await write('guide/layer.txt', 'image');
      succeeded(await run(peer('oras'), ['push', '--plain-http', `${acme}/app:2.3`, 'guide/layer.txt'], { cwd }));
      const digest = succeeded(await run(peer('crane'), ['digest', '--insecure', `${acme}/app:2.3`], { cwd })).trim();
      const text = yaml.replaceAll('ghcr.io/acme', acme).replace(/@sha256:[0-9a-f]{64}/, `@${digest}`);
      await write('guide/fairlead.yaml', text);
      await write(
        'guide/policy.yaml',
        'apiVersion: fairlead.dev/v1\nkind: TrustPolicy\nrules:\n' +
          `  - {match: '${acme}/**', require: [{anyOf: [{key: fairlead.pub}, {key: other.pub}]}]}\n`,
      );
      for (const name of ['profiles/db/redis', 'special/proxy', 'app'])
        await write(`guide/${name}.json`, profile('read'));
      await mkdir(join(cwd, 'guide/keys'));
      for (const [from, to] of [
        ['fairlead.key', 'keys/release.key'],
        ['other.key', 'keys/edge.key'],
        ['fairlead.pub', 'fairlead.pub'],
        ['other.pub', 'other.pub'],
      ] as const)
        await copyFile(join(cwd, from), join(cwd, 'guide', to));
      const push = ['push', '--project', 'guide/fairlead.yaml'];
      const all = (status: string) => ({ 'db/redis': status, 'edge-proxy': status, app: status });
      assert.deepEqual(statuses(await json([...push, '--dry-run'])), all('planned'));
      assert.deepEqual(statuses(await json(push)), all('published'));
      assert.deepEqual(statuses(await json(push)), all('unchanged'));
      await write('guide/app.json', profile('read', 'ptrace'));
      const loosened = await fairlead([...push, 'guide/app.json']);
      failed(
        loosened,
        1,
        /^failed: 1 of 1 profiles were not published: app\nhint: Review .* leave out failOn in guide\/fairlead\.yaml\.$/m,
      );
      assert.match(loosened.stdout, new RegExp(`^refused +app +the profile permits what ${acme}/app@sha256`, 'm'));
    });

    it('attaches a profile to an image, in the repository of the image', async () => {
      const image = `${registry.host}/app/web`;
      await write('layer.txt', 'image');
      succeeded(await run(peer('oras'), ['push', '--plain-http', `${image}:v1`, 'layer.txt'], { cwd }));
      const digest = succeeded(await run(peer('crane'), ['digest', '--insecure', `${image}:v1`], { cwd })).trim();
      const subject = ['--subject', `${image}@${digest}`, '--key', 'fairlead.key'];
      const pushed = await json(['push', 'many/p01.json', ...subject]);
      assert.equal(pushed.reference, `${image}@${pushed.digest}`);
      assert.deepEqual(pushed.tags, []);
      const { referrers } = await json(['referrers', `${image}@${digest}`]);
      assert.ok(referrers.some((each: { digest: string }) => each.digest === pushed.digest));
      failed(
        await fairlead(['push', 'many/p01.json', `${registry.host}/app/other`, ...subject]),
        2,
        /not the repository of the image/,
      );
      const taken = await fairlead(['push', 'many/p01.json', `${image}:v1`, '--key', 'fairlead.key']);
      failed(taken, 9, /app\/web:v1 is not a profile/);
    });
  },
);
