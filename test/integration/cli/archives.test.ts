import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { peer } from '#test/peers/peer';
import { type Refreg, startRefreg } from '#test/peers/refreg';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { fairleadJson, pushOneCall } from '#test/support/cli/published-profiles';
import { failed, launcher, type RunOptions, run, runFairlead, succeeded } from '#test/support/cli/run';

let cwd = '';
before(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'fairlead-archives-'));
  await fairlead(['keygen']);
});
after(() => rm(cwd, { recursive: true }));

const fairlead = (args: readonly string[], options: RunOptions = {}) => fairleadJson(args, { cwd, ...options });
const push = (reference: string, call: string, ...args: string[]) =>
  pushOneCall(cwd, reference, call, '--key', 'fairlead.key', ...args);

const verify = (reference: string, ...args: string[]) =>
  fairlead(['verify', reference, '--key', 'fairlead.pub', ...args]);
const tool = async (name: 'oras' | 'crane' | 'skopeo' | 'cosign' | 'cosign-2', ...args: string[]) =>
  succeeded(await run(peer(name), args, { cwd, env: { HOME: cwd } }));

describePeers(
  ['docker-registry', 'refreg', 'cosign', 'cosign-2', 'oras', 'crane', 'skopeo'],
  'archives and layouts of several artifacts',
  () => {
    let source: Registry;
    let target: Registry;
    let modern: Refreg;
    let nginx = '';
    let redis = '';
    let digests: readonly string[] = [];
    before(async () => {
      [source, target, modern] = await Promise.all([startRegistry(), startRegistry(), startRefreg()]);
      nginx = `${source.host}/acme/nginx`;
      redis = `${source.host}/acme/redis`;
      digests = [
        await push(`${nginx}:1`, 'read'),
        await push(`${redis}:1`, 'write', '--signature-format', 'legacy'),
        await push(`${redis}:2`, 'close'),
      ];
    });
    after(() => Promise.all([source.stop(), target.stop(), modern.stop()]));

    it('are the same bytes in any order, and load with their signatures', async () => {
      const names = [`${nginx}:1`, `${redis}:1`, `${redis}:2`, `${redis}@${digests[2]}`];
      await fairlead(['save', ...names, 'one.tar']);
      await fairlead(['save', ...names.toReversed(), names[0] as string, 'two.tar']);
      assert((await readFile(join(cwd, 'one.tar'))).equals(await readFile(join(cwd, 'two.tar'))));

      for (const { host } of [target, modern]) {
        const { loaded } = await fairlead(['load', 'one.tar', `${host}/mirror/`]);
        const at = `${host}/mirror/acme`;
        assert.deepEqual(loaded.map(({ reference }: { reference: string }) => reference).sort(), [
          `${at}/nginx:1@${digests[0]}`,
          `${at}/redis:1@${digests[1]}`,
          `${at}/redis:2@${digests[2]}`,
        ]);
        for (const [name, digest] of [
          ['nginx:1', digests[0]],
          ['redis:1', digests[1]],
          ['redis:2', digests[2]],
        ]) {
          assert.equal((await verify(`${at}/${name}`)).digest, digest);
        }
        const again = await fairlead(['load', 'one.tar', `${host}/mirror/`]);
        assert.equal(again.content.sent, 0);
      }
      const cosign = ['verify', '--key', 'fairlead.pub', '--insecure-ignore-tlog', '--allow-http-registry'];
      for (const name of ['nginx:1', 'redis:1']) await tool('cosign', ...cosign, `${target.host}/mirror/acme/${name}`);

      await fairlead(['load', 'one.tar', '--oci-layout', 'node']);
      assert.equal((await verify(`${redis}:1`, '--oci-layout', 'node')).digest, digests[1]);
      failed(
        await runFairlead(['load', 'one.tar', `${target.host}/x`], { cwd }),
        2,
        /two artifacts for .*\/x:1\n {2}sha256:.*\n {2}sha256:.*\nhint: To keep their repositories/,
      );
      failed(await runFairlead(['load', 'one.tar'], { cwd }), 2, /no destination for one\.tar\nhint: /);
    });

    it('are read by skopeo, oras and crane, by tag or by full name', async () => {
      await fairlead(['save', `${nginx}:1`, `${redis}:1`, `${redis}:2`, 'named.tar']);
      const to = `docker://${target.host}/tools`;
      const skopeo = ['copy', '--dest-tls-verify=false'];
      await tool('skopeo', ...skopeo, 'oci-archive:named.tar:2', `${to}/skopeo:2`);
      await tool('skopeo', ...skopeo, `oci-archive:named.tar:${redis}:1`, `${to}/skopeo:1`);
      await tool('oras', 'cp', '--from-oci-layout', 'named.tar:2', '--to-plain-http', `${target.host}/tools/oras:2`);
      await tool(
        ...(['oras', 'cp', '--from-oci-layout', `named.tar@${digests[1]}`] as const),
        ...['--to-plain-http', `${target.host}/tools/oras:1`],
      );
      await mkdir(join(cwd, 'unpacked'));
      execFileSync('tar', ['-xf', 'named.tar', '-C', 'unpacked'], { cwd });
      await tool('crane', 'push', '--insecure', '--index', 'unpacked', `${target.host}/tools/crane:all`);
      for (const [name, digest] of [
        ['skopeo:2', digests[2]],
        ['skopeo:1', digests[1]],
        ['oras:2', digests[2]],
        ['oras:1', digests[1]],
        [`crane@${digests[0]}`, digests[0]],
      ]) {
        assert.equal((await fairlead(['inspect', `${target.host}/tools/${name}`])).digest, digest);
      }
    });

    it('of skopeo, oras and crane are loaded', async () => {
      const from = `${redis}:2`;
      await tool('skopeo', 'copy', '--src-tls-verify=false', `docker://${from}`, 'oci:skopeo-layout:named');
      await tool('skopeo', 'copy', '--src-tls-verify=false', `docker://${from}`, `oci-archive:full.tar:${redis}:9`);
      await tool('oras', 'cp', '-r', '--from-plain-http', '--to-oci-layout', from, 'oras-layout:2');
      await tool('crane', 'pull', '--insecure', '--format', 'oci', from, 'crane-layout');
      const load = async (file: string, to: string) => (await fairlead(['load', file, to])).loaded[0].reference;
      const at = `${target.host}/others`;
      assert.equal(await load('skopeo-layout', at), `${at}:named@${digests[2]}`);
      assert.equal(await load('full.tar', at), `${at}:9@${digests[2]}`);
      assert.equal(await load('full.tar', `${target.host}/full/`), `${target.host}/full/acme/redis:9@${digests[2]}`);
      assert.equal(await load('crane-layout', `${at}:crane`), `${at}:crane@${digests[2]}`);
      assert.equal(await load('oras-layout', `${target.host}/oras`), `${target.host}/oras:2@${digests[2]}`);
      await verify(`${target.host}/oras:2`);
    });

    for (const [cosign, format] of [
      ['cosign', 'bundle'],
      ['cosign', 'legacy'],
      ['cosign-2', 'legacy'],
    ] as const) {
      it(`of ${cosign} save are loaded with their ${format} signatures, as directories and archives`, async () => {
        const reference = `${source.host}/saved/${cosign}-${format}:1`;
        const digest = await push(reference, `${cosign}-${format}`, '--signature-format', format);
        await fairlead([
          ...['attest', reference, '--key', 'fairlead.key', '--signature-format', format],
          ...['--type', 'https://acme.example/1', '--predicate', 'fairlead.pub.json'],
        ]);
        const directory = `saved-${cosign}-${format}`;
        await tool(cosign, 'save', '--dir', directory, '--allow-http-registry', reference);
        execFileSync('tar', ['-cf', `${directory}.tar`, '-C', directory, '.'], { cwd });
        for (const [at, file] of [
          [`${target.host}/${directory}`, directory],
          [`${modern.host}/${directory}`, `${directory}.tar`],
        ] as const) {
          await fairlead(['load', file, `${at}:1`]);
          assert.equal((await verify(`${at}:1`)).digest, digest);
          await tool(
            ...([
              'cosign',
              'verify',
              '--key',
              'fairlead.pub',
              '--insecure-ignore-tlog',
              '--allow-http-registry',
            ] as const),
            `${at}:1`,
          );
          await tool(
            ...(['cosign', 'verify-attestation', '--key', 'fairlead.pub', '--insecure-ignore-tlog'] as const),
            ...['--type', 'https://acme.example/1', '--allow-http-registry', `${at}:1`],
          );
        }
        const { manifests } = JSON.parse(await readFile(join(cwd, directory, 'index.json'), 'utf8'));
        assert(manifests.length > 0);
        assert.deepEqual((await readdir(join(cwd, directory))).sort(), ['blobs', 'index.json', 'oci-layout']);
      });
    }
    before(() => writeFile(join(cwd, 'fairlead.pub.json'), '{"reviewer": "alice"}'));

    it('of cosign save with signatures of an unknown image are refused', async () => {
      const directory = 'saved-two';
      const reference = `${source.host}/saved/two:1`;
      await push(reference, 'two', '--signature-format', 'legacy');
      await tool('cosign', 'save', '--dir', directory, '--allow-http-registry', reference);
      const file = join(cwd, directory, 'index.json');
      const index = JSON.parse(await readFile(file, 'utf8'));
      const [image] = index.manifests;
      await writeFile(file, JSON.stringify({ ...index, manifests: index.manifests.slice(1) }));
      const load = () => runFairlead(['load', directory, `${target.host}/two`], { cwd });
      failed(await load(), 2, /saved-two: has signatures of cosign save beside no image/);
      await writeFile(
        file,
        JSON.stringify({ ...index, manifests: [...index.manifests, { ...image, digest: digests[0] }] }),
      );
      failed(await load(), 2, /saved-two: has signatures of cosign save beside 2 images/);
      await mkdir(join(cwd, 'empty'));
      failed(await runFairlead(['load', 'empty', `${target.host}/two`], { cwd }), 2, /empty: has no index\.json/);
    });

    it('are listed by their names, whatever wrote them', async () => {
      const list = async (path: string, ...args: string[]): Promise<string[]> =>
        (await fairlead(['ls', ...args, '--oci-layout', path])).names;
      const names = [`${nginx}:1`, `${redis}:1`, `${redis}:2`];
      await fairlead(['save', ...names, 'listed.tar']);
      assert.deepEqual(await list('listed.tar'), names);
      await fairlead(['load', 'listed.tar', '--oci-layout', 'listed']);
      assert.deepEqual(await list('listed'), [nginx, redis]);
      assert.deepEqual(await list('listed', source.host), [nginx, redis]);
      assert.deepEqual(await list('listed', 'other.example.com'), []);
      assert.deepEqual(await list('listed', redis), ['1', '2']);
      await tool('skopeo', 'copy', '--src-tls-verify=false', `docker://${redis}:2`, 'oci:listed-skopeo:named');
      await tool(
        'skopeo',
        'copy',
        '--src-tls-verify=false',
        `docker://${redis}:2`,
        `oci-archive:listed-full.tar:${redis}:9`,
      );
      await tool('oras', 'cp', '-r', '--from-plain-http', '--to-oci-layout', `${redis}:2`, 'listed-oras:2');
      await tool('crane', 'pull', '--insecure', '--format', 'oci', `${redis}:2`, 'listed-crane');
      await tool('cosign', 'save', '--dir', 'listed-cosign', '--allow-http-registry', `${redis}:2`);
      assert.deepEqual(await list('listed-skopeo'), ['named']);
      assert.deepEqual(await list('listed-full.tar'), [`${redis}:9`]);
      assert.deepEqual(await list('listed-oras'), ['2']);
      assert.deepEqual(await list('listed-crane'), [digests[2]]);
      assert.deepEqual(await list('listed-cosign'), [digests[2]]);
      failed(await runFairlead(['ls', '--oci-layout', 'absent'], { cwd }), 7, /absent: no such file or directory/);
      failed(await runFairlead(['ls', '--oci-layout', 'fairlead.pub'], { cwd }), 2, /fairlead\.pub: /);
      failed(await runFairlead(['ls'], { cwd }), 2, /ls takes the name of a repository or registry/);
      failed(
        await runFairlead(['ls', `${redis}x`, '--oci-layout', 'listed'], { cwd }),
        7,
        /no such repository\nhint: To list what is there: fairlead ls --oci-layout listed\n/,
      );
    });

    it('are whole or absent if the process is killed', async () => {
      const names = [`${nginx}:1`, `${redis}:1`, `${redis}:2`];
      await writeFile(join(cwd, 'killed.tar'), 'as it was');
      await fairlead(['save', ...names, 'whole.tar']);
      const whole = await readFile(join(cwd, 'whole.tar'));
      for (const after of [250, 350, 450, 550, 700]) {
        const to = `${target.host}/killed-${after}`;
        await killed(['save', ...names, 'killed.tar'], after);
        const left = await readFile(join(cwd, 'killed.tar'));
        assert(left.equals(whole) || left.toString() === 'as it was');
        await killed(['load', 'whole.tar', `${to}/`], after);
        for (const name of ['nginx', 'redis']) {
          const listed = await runFairlead(['ls', `${to}/acme/${name}`, '--output', 'json'], { cwd });
          if (listed.code === 7) continue;
          for (const tag of JSON.parse(succeeded(listed)).names) await verify(`${to}/acme/${name}:${tag}`);
        }
      }
    });

    it('are loaded from a directory of many, all repositories or one', async () => {
      for (const name of [`${nginx}:1`, `${redis}:2`]) {
        await fairlead(['copy', name, name, '--to-oci-layout', 'many']);
      }
      const { loaded } = await fairlead(['load', 'many', `${target.host}/of-many/`]);
      const at = `${target.host}/of-many/acme`;
      assert.deepEqual(
        loaded.map(({ reference }: { reference: string }) => reference),
        [`${at}/nginx:1@${digests[0]}`, `${at}/redis:2@${digests[2]}`],
      );
      for (const name of ['nginx:1', 'redis:2']) await verify(`${at}/${name}`);
      assert.equal((await fairlead(['load', 'many', `${target.host}/of-many/`])).content.sent, 0);
      await fairlead(['load', 'many', '--oci-layout', 'many-too']);
      const tree = async (directory: string) =>
        (await readdir(join(cwd, directory), { recursive: true })).filter((name) => /blobs.sha256./.test(name)).sort();
      assert.deepEqual(await tree('many-too'), await tree('many'));
      const one = await runFairlead(['load', 'many', `${target.host}/one`], { cwd });
      failed(
        one,
        2,
        /^error: many has 2 repositories, and the destination is one\nhint: End the destination with a slash/m,
      );
      const [, root = ''] = /such as (\S+)$/m.exec(one.stderr) ?? [];
      await fairlead(['load', root, `${target.host}/one`]);
      await verify(`${target.host}/one:1`);
      await mkdir(join(cwd, 'none-of-many/a'), { recursive: true });
      failed(
        await runFairlead(['load', 'none-of-many', `${target.host}/x/`], { cwd }),
        2,
        /no index\.json, and no OCI layouts below/,
      );
    });

    it('in a directory that cannot be used are a mistake on the command line, not of a registry', async () => {
      await writeFile(join(cwd, 'a-file'), '');
      for (const args of [
        ['copy', `${nginx}:1`, `${nginx}:1`, '--to-oci-layout', 'a-file'],
        ['push', 'read.json', 'localhost/a:1', '--unsigned', '--oci-layout', 'a-file'],
        ['inspect', 'localhost/a:1', '--oci-layout', 'a-file'],
      ])
        failed(await runFairlead(args, { cwd }), 2, /^error: .*a-file/);
    });

    it('leave no temporary file after Ctrl-C, which says what to do', async () => {
      await writeFile(join(cwd, 'large.bin'), Buffer.alloc(192 * 1024 * 1024));
      const large = `${source.host}/acme/large:1`;
      await tool('oras', 'push', '--plain-http', large, 'large.bin');
      await fairlead(['save', large, 'large.tar']);
      for (const args of [
        ['load', 'large.tar', '--oci-layout', 'stopped'],
        ['copy', large, large, '--to-oci-layout', 'stopped'],
      ]) {
        const ingest = join(cwd, 'stopped', large.slice(0, -2).replace(':', '+'), '.ingest');
        const child = spawn(process.execPath, [launcher, ...args], { cwd, stdio: ['ignore', 'ignore', 'pipe'] });
        let stderr = '';
        child.stderr.on('data', (text) => {
          stderr += text;
        });
        const ended = once(child, 'close');
        const isWriting = async () => (await readdir(ingest).catch(() => [])).length > 0;
        while (!(await isWriting())) {
          assert.equal(child.exitCode, null, stderr);
          await delay(2);
        }
        child.kill('SIGINT');
        assert.deepEqual(await ended, [null, 'SIGINT']);
        assert.deepEqual(await readdir(ingest), []);
        assert.match(stderr, /^failed: ended by SIGINT\nhint: Nothing incomplete was tagged/m);
        assert.match(stderr, /Run the same command again: nothing is sent twice\.$/m);
        await rm(join(cwd, 'stopped'), { recursive: true });
      }
      await fairlead(['load', 'large.tar', '--oci-layout', 'stopped']);
    });

    async function killed(args: readonly string[], after: number): Promise<void> {
      const env = { PATH: process.env['PATH'], HOME: '/nonexistent', TMPDIR: cwd };
      const child = spawn(process.execPath, [launcher, ...args], { cwd, env, stdio: 'ignore' });
      const ended = new Promise((resolve) => child.once('close', resolve));
      await delay(after);
      child.kill('SIGKILL');
      await ended;
    }
  },
);

describePeers(['docker-registry', 'root'], 'archives on a full disk', () => {
  let registry: Registry;
  before(async () => {
    registry = await startRegistry();
  });
  after(() => registry.stop());

  it('replace no file, and leave nothing half-written', async (t) => {
    const small = join(cwd, 'small');
    await mkdir(small);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', small]);
    t.after(() => execFileSync('umount', [small]));
    const syscalls = Array.from({ length: 10 }, () => ({
      names: Array.from({ length: 1000 }, (_, n) => `call_${n}`),
      action: 'SCMP_ACT_ALLOW',
    }));
    await writeFile(join(cwd, 'big.json'), JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', syscalls }));
    const big = `${registry.host}/acme/big:1`;
    await fairlead(['push', 'big.json', big, '--unsigned']);
    const file = join(small, 'kept.tar');
    await writeFile(file, 'as it was');
    failed(await runFairlead(['save', big, file], { cwd }), 2, /cannot write .*kept\.tar\n {2}cause: .*no space left/);
    failed(await runFairlead(['save', big, 'big.tar'], { cwd, env: { TMPDIR: small } }), 8, /no space left/);
    assert.deepEqual(await readdir(small), ['kept.tar']);
    assert.equal(await readFile(file, 'utf8'), 'as it was');
    await fairlead(['save', big, 'big.tar']);
    failed(
      await runFairlead(['load', 'big.tar', `${registry.host}/loaded/big`], { cwd, env: { TMPDIR: small } }),
      8,
      /no space left/,
    );
    assert.deepEqual(await readdir(small), ['kept.tar']);
  });
});
