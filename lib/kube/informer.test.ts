import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { FairleadError } from '../errors.ts';
import type { WritableApiServer } from './api-server.ts';
import { Informer } from './informer.ts';
import { ObjectClient } from './object-client.ts';

const resource = { group: 'test.fairlead.dev', version: 'v1', plural: 'things', kind: 'Thing', namespaced: false };
/** An API server that does not serve the resource. */
const api = {
  get: async () => {
    throw new FairleadError('NotFound', 'it does not serve things');
  },
} as unknown as WritableApiServer;

describe('Informer', () => {
  it('reports a resource that cannot be followed, until it is stopped', async () => {
    const reported: boolean[] = [];
    const informer = new Informer({
      ...{ client: new ObjectClient(api), resource, parse: (object: object) => object },
      backoff: { initialMs: 1, maxMs: 2 },
      log: pino({ level: 'silent' }),
      metrics: {
        countRestart: () => undefined,
        countRejected: () => undefined,
        setFailing: (_, isFailing) => reported.push(isFailing),
      },
    });
    informer.start();
    informer.synced().catch(() => undefined);
    for (let waited = 0; !reported.includes(true) && waited < 10_000; waited += 5) await sleep(5);
    assert.ok(reported.includes(true));
    await informer.stop();
    assert.equal(reported.at(-1), false);
  });
});
