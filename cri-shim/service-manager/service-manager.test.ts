import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import type { ShimLog } from '../report/shim-log.ts';
import { ServiceManager } from './service-manager.ts';
import { startWatchdog } from './watchdog.ts';

const pid = 4711;
const unwarned = { warn: (...record: unknown[]) => assert.fail(JSON.stringify(record)) } as unknown as ShimLog;
const env = { NOTIFY_SOCKET: '/run/systemd/notify', WATCHDOG_USEC: '60000000', WATCHDOG_PID: String(pid) };

describe('service manager', () => {
  let sent: (readonly string[])[];
  const notify = async (variables: readonly string[]): Promise<void> => void sent.push(variables);
  beforeEach(() => {
    sent = [];
  });

  it('is told of everything in order, with the monotonic time of a reload', async () => {
    const waiting: (() => void)[] = [];
    const slow = (variables: readonly string[]): Promise<void> => {
      sent.push(variables);
      return new Promise((resolve) => waiting.push(resolve));
    };
    const manager = new ServiceManager({ env, pid, log: unwarned, notify: slow });
    const begun = process.hrtime.bigint() / 1000n;
    const all = [manager.ready(), manager.alive(), manager.reload(async () => undefined)];
    for (let step = 0; step < 5; step++) {
      if (step === 4) all.push(manager.stopping());
      while (waiting.length === 0) await new Promise(setImmediate);
      assert.equal(sent.length, step + 1, 'a message waits for the one before it');
      waiting.shift()?.();
    }
    await Promise.all(all);
    assert.deepEqual(
      sent.map(([first]) => first),
      ['READY=1', 'READY=1', 'RELOADING=1', 'READY=1', 'STOPPING=1'],
    );
    assert.deepEqual(sent[1], ['READY=1', 'WATCHDOG=1']);
    const monotonic = sent[2]?.[1] ?? '';
    const microseconds = BigInt(/^MONOTONIC_USEC=(\d+)$/.exec(monotonic)?.[1] ?? 0);
    assert.ok(microseconds >= begun && microseconds <= process.hrtime.bigint() / 1000n);
  });

  it('is told nothing without NOTIFY_SOCKET, and watches only the process that it means', async () => {
    const alone = new ServiceManager({ env: { ...env, NOTIFY_SOCKET: undefined }, pid, log: unwarned, notify });
    let reloads = 0;
    await Promise.all([alone.ready(), alone.reload(async () => void reloads++), alone.stopping()]);
    assert.equal(reloads, 1);
    assert.deepEqual([sent, alone.watchdog], [[], undefined]);
    const other = new ServiceManager({ env: { ...env, WATCHDOG_PID: '1' }, pid, log: unwarned, notify });
    assert.equal(other.watchdog, undefined);
    assert.equal(new ServiceManager({ env, pid, log: unwarned, notify }).watchdog, 60_000);
  });

  it('is not told by a sign of life or a reload that a service is ready which is not', async () => {
    const manager = new ServiceManager({ env, pid, log: unwarned, notify });
    await manager.alive();
    await manager.reload(async () => undefined);
    assert.deepEqual(sent, [['WATCHDOG=1']]);
  });

  it('that cannot be told is warned of once', async () => {
    const warnings: unknown[] = [];
    const log = { warn: (fields: object) => warnings.push(fields) } as unknown as ShimLog;
    const failing = (): Promise<void> => Promise.reject(new Error('no systemd-notify'));
    const manager = new ServiceManager({ env, pid, log, notify: failing });
    await manager.ready();
    await manager.alive();
    assert.equal(warnings.length, 1);
    assert.match(JSON.stringify(warnings), /fairlead\.systemd\.unreachable.*NotifyAccess=all/);
  });
});

describe('systemd-notify', () => {
  let directory: string;
  const { PATH } = process.env;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fairlead-notify-'));
  });
  afterEach(async () => {
    process.env['PATH'] = PATH;
    await rm(directory, { recursive: true });
  });

  it('is what sends the variables', async () => {
    const program = join(directory, 'systemd-notify');
    await writeFile(program, `#!/bin/sh\necho "$@" >> ${directory}/sent\n`);
    await chmod(program, 0o755);
    process.env['PATH'] = `${directory}:${PATH}`;
    const manager = new ServiceManager({ env, pid, log: unwarned });
    await manager.alive();
    await manager.stopping();
    assert.equal(await readFile(join(directory, 'sent'), 'utf8'), 'WATCHDOG=1\nSTOPPING=1 STATUS=stopping\n');
  });
});

describe('watchdog', () => {
  const events = new EventTarget();
  const alive = async (): Promise<void> => void events.dispatchEvent(new Event('alive'));

  it('reports each answer of the shim, and no call without one', async () => {
    let answers = true;
    const calls = new EventTarget();
    const warned = new Promise((resolve) => calls.addEventListener('warned', resolve, { once: true }));
    const log = { warn: () => calls.dispatchEvent(new Event('warned')) } as unknown as ShimLog;
    const callItself = async (): Promise<void> => {
      if (!answers) throw new FairleadError('Unavailable', 'no answer');
    };
    const stop = startWatchdog({ serviceManager: { watchdog: 30, alive }, callItself, log });
    try {
      await once(events, 'alive');
      answers = false;
      let reported = 0;
      await warned;
      events.addEventListener('alive', () => reported++);
      await once(calls, 'warned');
      await once(calls, 'warned');
      assert.equal(reported, 0);
      answers = true;
      await once(events, 'alive');
    } finally {
      stop();
    }
  });

  it('does nothing unless the service manager watches', () => {
    const serviceManager = { watchdog: undefined, alive: () => assert.fail('alive') };
    startWatchdog({ serviceManager, callItself: () => assert.fail('called'), log: unwarned })();
  });
});
