import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorMapping } from '#lib/errors';
import { serveMetrics } from './metrics.ts';

it('metrics are served to few at a time, and one answer at a time', { timeout: 20_000 }, async () => {
  const metrics = await serveMetrics('127.0.0.1:0', {
    build: { version: '1.2.3' },
    problems: async () => ({}),
  });
  const port = Number(metrics.address.split(':').at(-1));
  const open = async (): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  };
  try {
    const request = 'GET /metrics HTTP/1.1\r\nHost: node\r\n\r\n';
    const greedy = await open();
    greedy.write(request.repeat(100));
    let text = '';
    for await (const chunk of greedy) text += chunk;
    assert.ok((text.match(/^HTTP\/1\.1 200 /gm) ?? []).length < 2);

    const idle = await Promise.all(Array.from({ length: 64 }, open));
    await once(await open(), 'close');
    for (const socket of idle) socket.destroy();
    const answers = async (): Promise<boolean> => (await fetch(`http://${metrics.address}/metrics`)).ok;
    while (!(await answers().catch(() => false))) await sleep(10);
  } finally {
    await metrics.stop();
  }
});

it('metrics have the counters that alerts compare with their past, before the first event', async () => {
  const metrics = await serveMetrics('127.0.0.1:0', { build: { version: '1.2.3' }, problems: async () => ({}) });
  try {
    const text = await (await fetch(`http://${metrics.address}/metrics`)).text();
    const method = 'runtime.v1.RuntimeService/CreateContainer';
    for (const kind of Object.keys(errorMapping)) {
      assert.ok(text.includes(`fairlead_shim_refusals_total{method="${method}",kind="${kind}"} 0\n`), kind);
    }
    for (const cause of ['cancelled', 'deadline']) {
      assert.ok(text.includes(`fairlead_shim_abandoned_calls_total{method="${method}",cause="${cause}"} 0\n`), cause);
    }
    for (const mode of ['enforce', 'log']) {
      assert.ok(text.includes(`fairlead_shim_profiles_applied_total{mode="${mode}"} 0\n`), mode);
    }
  } finally {
    await metrics.stop();
  }
});
