import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
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
  cwd = await mkdtemp(join(tmpdir(), 'fairlead-delete-'));
  await fairlead(['keygen']);
});
after(() => rm(cwd, { recursive: true }));

const fairlead = (args: readonly string[], options: RunOptions = {}) => fairleadJson(args, { cwd, ...options });
const push = (reference: string, call: string, ...args: string[]) =>
  pushOneCall(cwd, reference, call, '--key', 'fairlead.key', ...args);

describePeers(['docker-registry', 'refreg', 'oras', 'crane'], 'fairlead delete and untag', () => {
  let registry: Registry;
  let modern: Refreg;
  before(async () => {
    [registry, modern] = await Promise.all([startRegistry(), startRefreg()]);
  });
  after(() => Promise.all([registry.stop(), modern.stop()]));

  it('deletes an artifact with its signatures in both formats, and nothing else', async () => {
    for (const { host } of [registry, modern]) {
      const name = `${host}/deleted/nginx`;
      const digest = await push(`${name}:1`, 'read');
      await fairlead(['sign', `${name}:1`, '--key', 'fairlead.key', '--signature-format', 'legacy']);
      await push(`${name}:2`, 'write');
      const plan = await fairlead(['delete', `${name}:1@${digest}`, '--dry-run']);
      assert.deepEqual([plan.tags, plan.referrers.length, plan.deleted], [['1'], 1, []]);
      await fairlead(['verify', `${name}:1`, '--key', 'fairlead.pub']);
      const { deleted, kept } = await fairlead(['delete', `${name}:1@${digest}`, '--yes']);
      assert(deleted.includes(digest) && deleted.includes(plan.referrers[0]));
      assert.deepEqual(kept, []);
      const { names } = await fairlead(['ls', name, '--all']);
      assert(
        names.every((tag: string) => !tag.includes(digest.replace(':', '-'))),
        names.join(),
      );
      failed(await runFairlead(['inspect', `${name}@${digest}`], { cwd }), 7, /404|no manifest/);
      await fairlead(['verify', `${name}:2`, '--key', 'fairlead.pub']);
      failed(await runFairlead(['delete', `${name}@${digest}`, '--yes'], { cwd }), 7, /no artifact sha256:/);
    }
  });

  it('asks for the digest of a tag, and for --yes', async () => {
    const name = `${registry.host}/deleted/asked`;
    const digest = await push(`${name}:1`, 'read');
    failed(
      await runFairlead(['delete', `${name}:1`, '--yes'], { cwd }),
      2,
      new RegExp(`names no digest.*\nhint: To delete what the tag names now: .fairlead delete ${name}:1@${digest}`),
    );
    failed(await runFairlead(['delete', `${name}:1@${digest}`], { cwd }), 2, /not deleted without --yes/);
    failed(await runFairlead(['delete', name, '--yes'], { cwd }), 2, /names no digest/);
    await fairlead(['verify', `${name}:1`, '--key', 'fairlead.pub']);
  });

  it('refuses an artifact that other tags or an index name', async () => {
    const name = `${registry.host}/deleted/named`;
    const digest = await push(`${name}:1`, 'read');
    await fairlead(['tag', `${name}:1`, 'stable', 'latest']);
    const other = await push(`${name}:2`, 'write');
    const remove = (reference: string, ...args: string[]) =>
      runFairlead(['delete', reference, '--yes', ...args], { cwd });
    failed(
      await remove(`${name}:1@${digest}`),
      9,
      /is also tagged latest, stable\nhint: Move these tags, or add --all-tags/,
    );
    failed(await remove(`${name}@${digest}`), 9, /is also tagged 1, latest, stable/);
    failed(await remove(`${name}:2@${digest}`), 9, /the tag does not name this digest/);
    const oras = ['manifest', 'index', 'create', '--plain-http', `${name}:index`, `${name}:2`];
    succeeded(await run(peer('oras'), oras, { cwd, env: { HOME: cwd } }));
    failed(await remove(`${name}:2@${other}`), 9, /is a part of a tagged index: index\nhint: Delete the index first/);
    assert.deepEqual((await fairlead(['ls', name])).names, ['1', '2', 'index', 'latest', 'stable']);
    succeeded(await remove(`${name}@${digest}`, '--all-tags'));
    assert.deepEqual((await fairlead(['ls', name])).names, ['2', 'index']);
  });

  it('does not take the tag of what is attached for one of the artifact', async () => {
    const name = `${registry.host}/deleted/attached`;
    const digest = await push(`${name}:1`, 'read');
    const subject = `${name}@${digest}`;
    const args = ['push', 'read.json', '--subject', subject, '--tag', 'prof', '--key', 'fairlead.key'];
    const { digest: attached } = await fairlead(args);
    const refused = await runFairlead(['delete', `${name}:1@${digest}`, '--yes'], { cwd });
    failed(
      refused,
      9,
      new RegExp(
        `^error: what is attached to ${name}:1@${digest} would be deleted too, and has tags: prof \\(${attached}\\)$`,
        'm',
      ),
    );
    assert.match(refused.stderr, new RegExp(`^hint: To see it: .fairlead inspect ${name}:prof.\\. .*--all-tags`, 'm'));
    const planned = await runFairlead(['delete', subject, '--dry-run', '--all-tags'], { cwd });
    assert.match(planned.stdout, new RegExp(`^tags +1\ntags +of what is attached: prof \\(${attached}\\)$`, 'm'));
    await fairlead(['delete', `${name}:1@${digest}`, '--yes', '--all-tags']);
    assert.deepEqual((await fairlead(['ls', name])).names, []);
  });

  it('untags, or says that the registry cannot', async () => {
    const [old, own] = [`${registry.host}/untagged`, `${modern.host}/untagged`];
    for (const name of [old, own]) {
      await push(`${name}:1`, 'read');
      await fairlead(['tag', `${name}:1`, '2']);
    }
    failed(
      await runFairlead(['untag', `${old}:1`], { cwd }),
      2,
      new RegExp(
        `the registry cannot remove single tags, such as 1\\n.*\\nhint: Move the tag .*: .fairlead tag ${old}@sha256:… 1.\\. ` +
          `Or delete its manifest with all of its tags: .fairlead delete ${old}@sha256:… --all-tags.$`,
        'm',
      ),
    );
    assert.deepEqual((await fairlead(['ls', old])).names, ['1', '2']);
    const listed = await runFairlead(['ls', `${registry.host}/unta`], { cwd });
    failed(listed, 7, new RegExp(`unta.*404.*\\nhint: .* .fairlead ls ${registry.host}.$`, 'm'));
    const { restored } = await fairlead(['untag', `${own}:1`]);
    assert.deepEqual(restored, []);
    assert.deepEqual((await fairlead(['ls', own])).names, ['2']);
    await fairlead(['verify', `${own}:2`, '--key', 'fairlead.pub']);
    failed(await runFairlead(['untag', `${own}:1`], { cwd }), 7, /404/);
    failed(await runFairlead(['untag', own], { cwd }), 2, /want registry\/repository:tag/);
  });

  it('works in a layout directory, which stays readable if it is killed at any moment', async () => {
    const name = 'localhost/kept/nginx';
    const layout = ['--oci-layout', 'layout'];
    const digest = await push(`${name}:1`, 'read', ...layout);
    await fairlead(['sign', `${name}:1`, '--key', 'fairlead.key', '--signature-format', 'legacy', ...layout]);
    await push(`${name}:2`, 'write', ...layout);
    await fairlead(['tag', `${name}:2`, 'old', ...layout]);
    for (const after of [150, 250, 300, 350, 400, 500]) {
      await cp(join(cwd, 'layout'), join(cwd, `copy-${after}`), { recursive: true });
      const copy = ['--oci-layout', `copy-${after}`];
      const child = spawn(process.execPath, [launcher, 'delete', `${name}:1@${digest}`, '--yes', ...copy], {
        cwd,
        env: { PATH: process.env['PATH'], HOME: '/nonexistent' },
        stdio: 'ignore',
      });
      await delay(after);
      child.kill('SIGKILL');
      const { names } = await fairlead(['ls', name, ...copy]);
      for (const tag of names) await fairlead(['verify', `${name}:${tag}`, '--key', 'fairlead.pub', ...copy]);
      const again = await runFairlead(['delete', `${name}@${digest}`, '--all-tags', '--yes', ...copy], { cwd });
      assert(again.code === 0 || again.code === 7, again.stderr);
      assert.deepEqual((await fairlead(['ls', name, ...copy])).names, ['2', 'old']);
    }
    await fairlead(['delete', `${name}:1@${digest}`, '--yes', ...layout]);
    await fairlead(['untag', `${name}:old`, ...layout]);
    assert.deepEqual((await fairlead(['ls', name, '--all', ...layout])).names, ['2']);
    await fairlead(['verify', `${name}:2`, '--key', 'fairlead.pub', ...layout]);
    // The manifest, the profile, the config, and the bundle with its manifest.
    assert.equal((await readdir(join(cwd, 'layout/localhost/kept/nginx/blobs/sha256'))).length, 5);
  });

  it('reports a registry that is gone, hangs or deletes nothing, and completes later', async () => {
    const name = 'deleted/cut';
    for (const stall of [false, true]) {
      const digest = await push(`${registry.host}/${name}:1`, 'read');
      const proxy = await startFaultProxy(registry.port);
      proxy.set({ cutAfterSent: 3000, stall });
      const deleting = runFairlead(['delete', `${proxy.host}/${name}:1@${digest}`, '--yes'], { cwd });
      for (let waited = 0; proxy.cuts === 0 && waited < 20_000; waited += 20) await delay(20);
      assert.equal(proxy.cuts, 1);
      await proxy.stop();
      failed(await deleting, 8, /error: /);
      const rest = await runFairlead(['delete', `${registry.host}/${name}@${digest}`, '--all-tags', '--yes'], { cwd });
      assert(rest.code === 0 || rest.code === 7, rest.stderr);
      const { stdout } = await run(peer('crane'), ['ls', '--insecure', `${registry.host}/${name}`], {
        env: { HOME: cwd },
      });
      assert.equal(stdout, '');
    }
  });
});
