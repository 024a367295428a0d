import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '#test/peers/program';
import { describePeers } from '#test/peers/require';
import { root } from '#test/support/cli/package';
import { failed, launcher, runFairlead } from '#test/support/cli/run';

describePeers(['openssl'], 'fairlead operator on SIGTERM', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairlead-shutdown-'));
    execFileSync(join(root, 'deploy/operator/certificate.sh'), [folder, 'IP:127.0.0.1']);
    const kubeconfig = {
      'current-context': 'c',
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
      clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
      users: [{ name: 'u', user: { token: 't' } }],
    };
    await writeFile(join(folder, 'kubeconfig'), JSON.stringify(kubeconfig));
  });
  after(() => rm(folder, { recursive: true }));

  const files = ['--tls-cert', 'tls.crt', '--tls-key', 'tls.key', '--kubeconfig', 'kubeconfig'];

  const health = (port: number): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port, path: '/healthz', rejectUnauthorized: false, agent: false } as const;
      request(options, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .once('error', reject)
        .end();
    });

  it('serves new calls for as long as --shutdown-delay, and then ends with 0', async () => {
    const port = await freePort();
    const args = [launcher, 'operator', '--listen', `127.0.0.1:${port}`, ...files, '--shutdown-delay', '2'];
    const child = spawn(process.execPath, args, { cwd: folder, stdio: 'ignore' });
    try {
      while ((await health(port).catch(() => undefined)) !== 200) {
        assert.equal(child.exitCode, null);
        await sleep(50);
      }
      const ended = once(child, 'exit');
      const asked = Date.now();
      child.kill('SIGTERM');
      await sleep(1000);
      assert.equal(await health(port), 200);
      const [code] = await ended;
      assert.equal(code, 0);
      assert.ok(Date.now() - asked >= 2000);
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('goes on while its log cannot be written, and reports how much was lost', async () => {
    const port = await freePort();
    const log = join(folder, 'log');
    // A limit of the size of files, which is lifted later, stands for a disk that is full.
    const command = `trap '' XFSZ; ulimit -S -f 0; exec "$0" "$@" >>'${log}'`;
    const args = [launcher, 'operator', '--listen', `127.0.0.1:${port}`, ...files];
    const child = spawn('/bin/sh', ['-c', command, process.execPath, ...args], { cwd: folder, stdio: 'ignore' });
    try {
      while ((await health(port).catch(() => undefined)) !== 200) {
        assert.equal(child.exitCode, null);
        await sleep(50);
      }
      assert.equal(await readFile(log, 'utf8'), '');
      execFileSync('prlimit', ['--pid', String(child.pid), '--fsize=unlimited']);
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      assert.deepEqual(await ended, [0, null]);
      const [first = '', second] = (await readFile(log, 'utf8')).split('\n');
      assert.match(first, /"lost":[1-9].*lines of the log could not be written/);
      assert.match(second ?? '', /"name":"fairlead-operator"/);
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('refuses a delay that is not a number of seconds', async () => {
    for (const delay of ['-1', '5s', '3601', '']) {
      const finished = await runFairlead(['operator', ...files, `--shutdown-delay=${delay}`], { cwd: folder });
      failed(finished, 2, /--shutdown-delay.*at most 3600/);
    }
  });
});
