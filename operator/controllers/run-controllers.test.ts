import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { apiErrorOf } from '#lib/kube/api-error';
import type { WritableApiServer } from '#lib/kube/api-server';
import { TestLog } from '#test/support/kube/widgets';
import { runControllers } from './run-controllers.ts';

/** Runs the controllers with a server that answers as stated when it is asked for the core API. */
function run(answer: () => string): Promise<void> {
  const api = {
    get: async () => answer(),
  } as unknown as WritableApiServer;
  const options = {
    ...{ api, namespace: 'fairlead-system', log: new TestLog(), profileMetrics: { countError: () => undefined } },
    ...{ report: () => undefined, pull: () => Promise.reject(new Error('nothing is pulled')) },
  };
  return runControllers(options, AbortSignal.abort());
}

describe('runControllers', () => {
  it('does not do without pods and nodes because of an answer that is not of the API server', async () => {
    for (const body of ['404 page not found\n', '<html>', '{"paths":["/apis"]}']) {
      const missing = run(() => {
        throw apiErrorOf('kube.example.com', 404, body, undefined);
      });
      await assert.rejects(missing, { kind: 'NotFound' }, body);
      await assert.rejects(
        run(() => body),
        { kind: 'Unavailable', message: /core API/ },
        body,
      );
    }
  });

  it('runs with an API server that serves only custom resources', async () => {
    await run(() => '{"kind":"APIVersions","versions":[]}');
  });
});
