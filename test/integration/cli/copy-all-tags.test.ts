import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
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
import { startFaultProxy } from '#test/support/faults/tcp-proxy';

let cwd = '';
before(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'fairlead-all-tags-'));
  await fairlead(['keygen']);
});
after(() => rm(cwd, { recursive: true }));

const fairlead = (args: readonly string[], options: RunOptions = {}) => fairleadJson(args, { cwd, ...options });
const push = (reference: string, call: string, ...args: string[]) => pushOneCall(cwd, reference, call, ...args);

const signed = ['--key', 'fairlead.key'];
const copyAll = (from: string, to: string, ...args: string[]) => fairlead(['copy', '--all-tags', from, to, ...args]);
const statuses = ({ tags }: { tags: { tag: string; status: string }[] }) =>
  Object.fromEntries(tags.map(({ tag, status }) => [tag, status]));

/** The uploads of blobs that a registry has finished. */
async function uploads(registry: Registry): Promise<number> {
  const log = await readFile(registry.log, 'utf8');
  return log
    .split('\n')
    .filter((line) => /response completed/.test(line) && /method=PUT/.test(line) && /uploads/.test(line)).length;
}

describePeers(['docker-registry', 'refreg', 'crane', 'cosign'], 'fairlead copy --all-tags', () => {
  let source: Registry;
  let target: Registry;
  let modern: Refreg;
  let repository: string;
  let digests: Record<string, string>;
  before(async () => {
    [source, target, modern] = await Promise.all([startRegistry(), startRegistry(), startRefreg()]);
    repository = `${source.host}/security/all`;
    digests = {
      '1.0': await push(`${repository}:1.0`, 'read', ...signed),
      '1.1': await push(`${repository}:1.1`, 'write', ...signed, '--signature-format', 'legacy'),
      '2.0': await push(`${repository}:2.0`, 'close', '--unsigned'),
    };
    await fairlead(['tag', `${repository}:1.1`, 'latest']);
  });
  after(() => Promise.all([source.stop(), target.stop(), modern.stop()]));

  it('copies all tags with their signatures between registries of both kinds, and back', async () => {
    const there = `${modern.host}/all/there`;
    const first = await copyAll(repository, there);
    assert.deepEqual(statuses(first), { '1.0': 'copied', '1.1': 'copied', '2.0': 'copied', latest: 'copied' });
    assert.deepEqual((await fairlead(['ls', there])).names, ['1.0', '1.1', '2.0', 'latest']);
    const back = `${target.host}/all/back`;
    await copyAll(there, back);
    for (const at of [there, back]) {
      for (const tag of ['1.0', '1.1', 'latest']) {
        const verified = await fairlead(['verify', `${at}:${tag}`, '--key', 'fairlead.pub']);
        assert.equal(verified.digest, digests[tag === 'latest' ? '1.1' : tag]);
      }
    }
    const cosign = ['verify', '--key', 'fairlead.pub', '--insecure-ignore-tlog', '--allow-http-registry'];
    for (const tag of ['1.0', '1.1']) {
      const verified = await run(peer('cosign'), [...cosign, `${back}:${tag}`], { cwd, env: { HOME: cwd } });
      assert.equal(verified.code, 0, verified.stderr);
    }
    const crane = await run(peer('crane'), ['digest', '--insecure', `${back}:2.0`], { cwd, env: { HOME: cwd } });
    assert.equal(crane.stdout.trim(), digests['2.0']);
  });

  it('sends each blob once, and nothing the second time', async () => {
    const to = `${target.host}/all/once`;
    const before = await uploads(target);
    const first = await copyAll(repository, to);
    // Three profiles, the empty config, one bundle, one legacy signature and its config.
    assert.equal((await uploads(target)) - before, 7);
    assert(first.sentBytes > 0);
    const second = await copyAll(repository, to);
    assert.deepEqual([second.content.sent, second.sentBytes], [0, 0]);
    assert.deepEqual(new Set(Object.values(statuses(second))), new Set(['present']));
    assert.equal((await uploads(target)) - before, 7);
    const text = succeeded(await runFairlead(['copy', '--all-tags', repository, to], { cwd }));
    assert.match(text, new RegExp(`^present {4}4 tags of ${to}\nsent {7}0 blobs and manifests, 0 bytes, `));
  });

  it('sends no more requests than necessary', async () => {
    const from = `${source.host}/security/lean`;
    for (const n of [1, 2, 3]) await push(`${from}:unsigned-${n}`, `lean${n}`, '--unsigned');
    const requests = async (registry: Registry): Promise<string[]> => {
      const log = await readFile(registry.log, 'utf8');
      return log.split('\n').flatMap((line) => {
        const [, method] = /http\.request\.method=(\S+)/.exec(line) ?? [];
        const [, uri] = /http\.request\.uri="?([^" ]*)/.exec(line) ?? [];
        if (!line.includes('msg="response completed') || uri === undefined) return [];
        return `${method} ${uri.replace(/sha256[:-][0-9a-f]{64}/g, 'DIGEST')}`;
      });
    };
    const before = [(await requests(source)).length, (await requests(target)).length] as const;
    await copyAll(from, `${target.host}/lean`);
    const asked = (await requests(source)).slice(before[0]);
    const sent = (await requests(target)).slice(before[1]);
    // Of each artifact: its manifest by tag, and its profile. The config is read once, the tags
    // twice, and one list of referrers shows that the registry has none.
    assert.deepEqual(
      asked.filter((each) => /manifests\/DIGEST/.test(each)),
      [],
      asked.join('\n'),
    );
    assert.equal(asked.filter((each) => /manifests\/unsigned/.test(each)).length, 3, asked.join('\n'));
    assert.equal(asked.filter((each) => /blobs/.test(each)).length, 4);
    const manifests = sent.filter((each) => /manifests/.test(each)).sort();
    assert.deepEqual(
      manifests,
      [1, 2, 3].map((n) => `PUT /v2/lean/manifests/unsigned-${n}`),
      sent.join('\n'),
    );
  });

  it('copies to a layout directory and from it', async () => {
    await copyAll(repository, 'localhost/all', '--to-oci-layout', 'layout');
    const to = `${target.host}/all/from-layout`;
    await copyAll('localhost/all', to, '--from-oci-layout', 'layout');
    await fairlead(['verify', `${to}:1.0`, '--key', 'fairlead.pub']);
    await fairlead(['verify', `${to}:latest`, '--key', 'fairlead.pub']);
  });

  it('copies the other tags if the content of one is lost, and reports it', async (t) => {
    const damaged = await startRegistry();
    t.after(() => damaged.stop());
    const from = `${damaged.host}/security/damaged`;
    await copyAll(repository, from);
    const { layers } = JSON.parse(
      (await run(peer('crane'), ['manifest', '--insecure', `${from}:2.0`], { env: { HOME: cwd } })).stdout,
    );
    const [algorithm, hex] = layers[0].digest.split(':');
    await rm(join(damaged.storage, 'docker/registry/v2/blobs', algorithm, hex.slice(0, 2), hex), { recursive: true });
    const to = `${target.host}/all/damaged`;
    const copied = await runFairlead(['copy', '--all-tags', from, to, '--output', 'json'], { cwd });
    assert.deepEqual(statuses(JSON.parse(copied.stdout)), {
      '1.0': 'copied',
      '1.1': 'copied',
      '2.0': 'failed',
      latest: 'copied',
    });
    failed(copied, 8, /1 of 4 tags of .* were not copied/);
    const text = await runFairlead(['copy', '--all-tags', from, to], { cwd });
    failed(text, 8, /^error: 1 of 4 tags of .* were not copied\n {2}2\.0: .*\nhint: The others were copied\. /);
    assert.deepEqual((await fairlead(['ls', to])).names, ['1.0', '1.1', 'latest']);
  });

  it('ends if the destination is gone or hangs, leaves no incomplete tag, and completes the next time', async (t) => {
    const many = `${source.host}/security/many`;
    for (let n = 0; n < 12; n++) await push(`${many}:${n}`, `call${n}`, ...signed);
    const to = await startRegistry();
    t.after(() => to.stop());
    for (const fault of [{ cutAfterSent: 20_000 }, { cutAfterSent: 20_000, stall: true }]) {
      const proxy = await startFaultProxy(to.port);
      const name = `cut/${'stall' in fault ? 'hangs' : 'cut'}`;
      proxy.set(fault);
      const copying = runFairlead(['copy', '--all-tags', many, `${proxy.host}/${name}`], { cwd });
      await until(() => proxy.cuts > 0);
      await proxy.stop();
      failed(await copying, 8, /of 12 tags of .* were not copied/);
      await everyTagVerifies(`${to.host}/${name}`);
      const rest = await copyAll(many, `${to.host}/${name}`);
      assert.equal(rest.tags.length, 12);
      assert.equal((await everyTagVerifies(`${to.host}/${name}`)).length, 12);
    }
  });

  it('leaves no incomplete tag if it is killed', async () => {
    const many = `${source.host}/security/many`;
    const to = `${target.host}/all/killed`;
    for (const after of [400, 700, 1000]) {
      const child = spawn(process.execPath, [launcher, 'copy', '--all-tags', many, to], {
        cwd,
        env: { PATH: process.env['PATH'], HOME: '/nonexistent' },
        stdio: 'ignore',
      });
      await delay(after);
      child.kill('SIGKILL');
      await everyTagVerifies(to);
    }
    await copyAll(many, to);
    assert.equal((await everyTagVerifies(to)).length, 12);
  });

  it('refuses references of artifacts, and the same repository', async () => {
    const refuse = async (from: string, to: string, message: RegExp, ...args: string[]): Promise<void> =>
      failed(await runFairlead(['copy', '--all-tags', from, to, ...args], { cwd }), 2, message);
    await refuse(
      `${repository}:1.0`,
      `${target.host}/x`,
      /--all-tags copies a repository, not .*\nhint: Name the repository/,
    );
    await refuse(repository, `${target.host}/x:1`, /--all-tags copies a repository/);
    await refuse(repository, repository, /same repository/);
    await refuse(repository, `${target.host}/x`, /cannot be used together/, '--no-referrers');
    failed(
      await runFairlead(['copy', '--all-tags', `${source.host}/absent`, `${target.host}/x`], { cwd }),
      7,
      /absent/,
    );
    assert.deepEqual(
      (await readdir(cwd)).filter((name) => name.startsWith('x')),
      [],
    );
  });

  /** Holds each tag of a repository to be whole and signed; returns them. */
  async function everyTagVerifies(name: string): Promise<string[]> {
    const listed = await runFairlead(['ls', name, '--output', 'json'], { cwd });
    if (listed.code === 7) return [];
    const tags: string[] = JSON.parse(succeeded(listed)).names;
    for (const tag of tags) await fairlead(['verify', `${name}:${tag}`, '--key', 'fairlead.pub']);
    return tags;
  }
});

async function until(condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition(); waited += 10) {
    assert(waited < 60_000, 'waited a minute');
    await delay(10);
  }
}
