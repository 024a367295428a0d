import assert from 'node:assert/strict';
import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { handleUnaryCall } from '@grpc/grpc-js';
import { ShimInProcess } from '#test/support/cri/shim-in-process';
import type { Shim } from '../shim.ts';

describe('readiness of a shim', () => {
  let node: ShimInProcess;

  beforeEach(async () => {
    node = await ShimInProcess.prepare();
  });
  afterEach(() => node.end());

  it('warns at the start of a runtime that does not answer, and of a policy that does not exist', async () => {
    const silent = () => node.records.filter(({ messageId }) => messageId === 'fairlead.runtime.silent');
    await node.start();
    await node.start({
      listen: `unix://${node.at('second.sock')}`,
      state: node.at('second'),
      runtime: `unix://${node.at('absent.sock')}`,
      policy: node.at('none.yaml'),
      policyOptional: true,
    });
    for (let waited = 0; silent().length === 0 && waited < 5000; waited += 20) await delay(20);
    const [warning, ...others] = silent();
    assert.deepEqual(others, [], 'the one that answers is not warned of');
    assert.equal(warning?.['level'], 'warn');
    assert.match(String(warning?.['msg']), /absent\.sock does not answer yet: .*did not answer/);
    const missing = node.records.filter(({ messageId }) => messageId === 'fairlead.policy.missing');
    assert.deepEqual(
      missing.map(({ level, msg }) => ({ level, msg })),
      [
        {
          level: 'warn',
          msg: `the policy ${node.at('none.yaml')} does not exist: everything is denied`,
        },
      ],
    );
  });

  it('is ready when it can do all of its work, and names what fails', async () => {
    node.killRuntime();
    const shim = await node.start({ metrics: '127.0.0.1:0' });
    const ask = async (path: string) => {
      const response = await fetch(`http://${shim.metrics}${path}`);
      return { status: response.status, ...((await response.json()) as { failing?: { name: string }[] }) };
    };
    const gauges = async () =>
      (await (await fetch(`http://${shim.metrics}/metrics`)).text()).match(
        /^fairlead_shim_(?:ready|build_info)\{.*$/gm,
      );
    const failing = async () => (await ask('/readyz')).failing?.map(({ name }) => name);
    const isLogged = (text: string) => node.records.some(({ msg }) => msg === text);
    assert.deepEqual(await ask('/healthz'), { status: 'ok', version: '1.2.3', commit: 'abc' });
    assert.deepEqual(await failing(), ['runtime']);
    assert.equal((await fetch(`http://${shim.metrics}/readyz`)).status, 503);
    assert.ok(!isLogged('the shim is ready'));

    await node.startRuntime();
    while (!isLogged('the shim is ready')) await delay(20);
    assert.deepEqual(await ask('/readyz'), { status: 'ready', version: '1.2.3', commit: 'abc' });
    assert.equal((await fetch(`http://${shim.metrics}/readyz`)).status, 200);

    await writeFile(node.at('policy.yaml'), 'rules: [');
    await shim.reload();
    await rm(node.at('state'), { recursive: true });
    await writeFile(node.at('state'), 'no directory');
    while (!(await failing())) await delay(20);
    const { failing: named } = await ask('/readyz');
    assert.deepEqual(
      named?.map(({ name }) => name),
      ['policy', 'store'],
    );
    assert.match(JSON.stringify(named), /policy\.yaml.*state directory .*\/state cannot be used/);
    assert.deepEqual(await gauges(), [
      'fairlead_shim_build_info{version="1.2.3",commit="abc"} 1',
      'fairlead_shim_ready{check="runtime"} 1',
      'fairlead_shim_ready{check="policy"} 0',
      'fairlead_shim_ready{check="store"} 0',
    ]);
  });

  it('is ready while a runtime does not answer who resolves profiles (mode auto)', { timeout: 30_000 }, async () => {
    await node.end();
    const version: handleUnaryCall<Buffer, Buffer> = (_call, callback) => callback(null, Buffer.alloc(0));
    node = await ShimInProcess.prepare({
      'runtime.v1.RuntimeService/Version': { kind: 'unary', handle: version },
      'runtime.v1.RuntimeService/Status': { kind: 'unary', handle: () => undefined },
    });
    await node.start({ mode: 'auto' });
    while (!node.records.some(({ msg }) => msg === 'the shim is ready')) await delay(20);
  });

  it('tells systemd that it is ready when it is, and that it answers, as long as it does', async () => {
    const { PATH } = process.env;
    const told = node.at('told');
    const lines = async (): Promise<string[]> => (await readFile(told, 'utf8').catch(() => '')).trim().split('\n');
    await writeFile(node.at('systemd-notify'), `#!/bin/sh\necho "$@" >> ${told}\n`);
    await chmod(node.at('systemd-notify'), 0o755);
    const watched = { NOTIFY_SOCKET: '/run/notify', WATCHDOG_USEC: '300000', WATCHDOG_PID: String(process.pid) };
    Object.assign(process.env, watched, { PATH: `${node.directory}:${PATH}` });
    node.onEnd(() => {
      for (const name of Object.keys(watched)) delete process.env[name];
      process.env['PATH'] = PATH;
    });
    node.killRuntime();
    const shim = await node.start();
    while (!(await lines()).includes('WATCHDOG=1')) await delay(20);
    assert.ok(!(await lines()).some((line) => line.includes('READY')));

    await node.startRuntime();
    while (!(await lines()).includes('READY=1 STATUS=ready')) await delay(20);
    await shim.reload();
    assert.match(
      (await lines()).join('\n'),
      /\nRELOADING=1 MONOTONIC_USEC=\d+\n(?:WATCHDOG=1\n)*READY=1 STATUS=ready$/m,
    );

    // No call reaches the shim any more.
    await rm(node.at('shim.sock'));
    const silent = () => node.records.some(({ messageId }) => messageId === 'fairlead.watchdog.unanswered');
    while (!silent()) await delay(20);
    const answered = (await lines()).length;
    node.records = [];
    while (!silent()) await delay(20);
    assert.equal((await lines()).length, answered);
    await shim.stop();
    assert.equal((await lines()).at(-1), 'STOPPING=1 STATUS=stopping');
  });

  it('reports a policy that is removed as a failing check, unless it is optional', async () => {
    const failing = async (shim: Shim): Promise<unknown> =>
      ((await (await fetch(`http://${shim.metrics}/readyz`)).json()) as { failing?: unknown }).failing;
    const strict = await node.start({ metrics: '127.0.0.1:0' });
    await rm(node.at('policy.yaml'));
    await strict.reload();
    const lax = await node.start({
      ...{ metrics: '127.0.0.1:0', policyOptional: true, state: node.at('second') },
      listen: `unix://${node.at('second.sock')}`,
    });
    // A result is used for a second.
    while ((await failing(strict)) === undefined) await delay(20);
    assert.deepEqual(await failing(strict), [
      { name: 'policy', problem: 'the policy file does not exist: everything is denied' },
    ]);
    assert.equal(await failing(lax), undefined);
  });
});
