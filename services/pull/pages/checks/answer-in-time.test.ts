import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import { answerInTime } from './answer-in-time.ts';

const registry = 'registry.example.com';

describe('answerInTime', () => {
  it('gives up on a registry that does not answer in time, and names it', async () => {
    const { signal } = new AbortController();
    await assert.rejects(answerInTime({ registry, signal, timeout: 20 }, untilAborted), (error: unknown) => {
      assert.ok(error instanceof FairleadError);
      assert.deepEqual([error.kind, error.message], ['Unavailable', `${registry} did not answer within 0.02 seconds`]);
      return true;
    });
  });

  it('ends with the request', async () => {
    const signal = AbortSignal.abort(new FairleadError('Unavailable', 'the client is gone'));
    await assert.rejects(answerInTime({ registry, signal }, untilAborted), { message: 'the client is gone' });
  });
});

async function untilAborted(signal: AbortSignal): Promise<never> {
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => resolve(), { once: true });
  if (!signal.aborted) await promise;
  throw signal.reason;
}
