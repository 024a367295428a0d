import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startScriptedRuntime } from '#test/support/cri/scripted-runtime';
import type { ShimLog } from '../report/shim-log.ts';
import { type Shim, startShim } from '../shim.ts';

describe('the readiness of a shim while it runs', () => {
  let directory: string;
  let runtime: Awaited<ReturnType<typeof startScriptedRuntime>>;
  let shim: Shim;
  let records: Record<string, unknown>[];

  const record = (level: string) => (fields: object, msg?: string) => void records.push({ level, ...fields, msg });
  const log = { debug: record('debug'), info: record('info'), warn: record('warn'), error: record('error') };
  const startRuntime = () => startScriptedRuntime(join(directory, 'runtime.sock'), {});
  /** Lets time pass until the log has a record. A check is used again for a second. */
  async function logged(messageId: string): Promise<readonly Record<string, unknown>[]> {
    for (;;) {
      const found = records.filter((each) => each['messageId'] === messageId);
      if (found.length > 0) return found;
      mock.timers.tick(10_000);
      await delay(20);
    }
  }

  beforeEach(async () => {
    mock.timers.enable({ apis: ['setInterval'] });
    directory = await mkdtemp(join(tmpdir(), 'fairlead-ready-'));
    records = [];
    runtime = await startRuntime();
    await writeFile(join(directory, 'policy.yaml'), 'apiVersion: fairlead.dev/v1\nkind: TrustPolicy\nrules: []\n');
    shim = await startShim({
      listen: `unix://${join(directory, 'shim.sock')}`,
      runtime: `unix://${join(directory, 'runtime.sock')}`,
      policy: join(directory, 'policy.yaml'),
      state: join(directory, 'state'),
      log: log as ShimLog,
      build: { version: '1.2.3' },
    });
    while (!records.some(({ msg }) => msg === 'the shim is ready')) await delay(10);
  });
  afterEach(async () => {
    await shim.stop();
    runtime.kill();
    await rm(directory, { recursive: true });
    mock.timers.reset();
  });

  it('is logged once when a check begins to fail, and once when it passes again', async () => {
    mock.timers.tick(10_000);
    runtime.kill();
    const [lost, ...others] = await logged('fairlead.readiness.lost');
    assert.deepEqual(others, []);
    assert.equal(lost?.['level'], 'warn');
    assert.equal(lost?.['check'], 'runtime');
    assert.match(
      String(lost?.['msg']),
      /^the shim is not ready: the container runtime did not answer .*runtime\.sock$/,
    );
    runtime = await startRuntime();
    const [restored] = await logged('fairlead.readiness.restored');
    assert.equal(restored?.['level'], 'info');
    assert.equal(restored?.['check'], 'runtime');
    assert.equal((await logged('fairlead.readiness.lost')).length, 1);
  });
});
