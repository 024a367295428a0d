import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as v from 'valibot';
import { ApiError } from '#lib/kube/api-error';
import type { ObjectToWrite } from '#lib/kube/kube-object';
import { securityProfilesOperatorDaemonSchema } from '../api/securityprofilesoperatordaemon/v1.ts';
import { defaultSettings, settingsOf } from '../validate/settings.ts';
import { createDefaultDaemon, type DefaultDaemonDependencies } from './default-daemon.ts';

type Create = DefaultDaemonDependencies['client']['create'];

const key = 'fairlead-system/spod';
const failed = (status: number, reason: string) => new ApiError('no', { status, reason });

/** Runs it with an informer that knows `existing`, and answers of the API server in turn. */
function run(answers: readonly (Error | undefined)[], existing: readonly string[] = [], rejected = false) {
  const created: ObjectToWrite[] = [];
  const warned: unknown[] = [];
  const aborted = new AbortController();
  const create: Create = async (_resource, object) => {
    const answer = answers[created.length];
    created.push(object);
    if (answer !== undefined) throw answer;
    return { apiVersion: '', kind: '', metadata: { name: 'spod', resourceVersion: '1' } } as never;
  };
  const store = { get: (wanted: string) => (existing.includes(wanted) ? {} : undefined) };
  const rejection = () => (rejected ? { error: new Error() } : undefined);
  const informer = { synced: async () => undefined, store, rejection } as never;
  const log = { debug() {}, info() {}, error() {}, warn: (fields: object) => void warned.push(fields) };
  const backoff = { initialMs: 1, maxMs: 2 };
  const running = createDefaultDaemon(
    { client: { create }, informer, namespace: 'fairlead-system', log, backoff },
    aborted.signal,
  );
  return { running, created, warned, aborted };
}

describe('createDefaultDaemon', () => {
  it('creates the object without settings, which means the same as none', async () => {
    const { running, created } = run([undefined]);
    await running;
    assert.deepEqual(created, [{ metadata: { namespace: 'fairlead-system', name: 'spod' }, spec: {} }]);
    assert.deepEqual(settingsOf(v.parse(securityProfilesOperatorDaemonSchema, { spec: {} })), defaultSettings);
  });

  it('sends nothing if the object exists, also if it is invalid', async () => {
    for (const { running, created } of [run([], [key]), run([], [], true)]) {
      await running;
      assert.deepEqual(created, []);
    }
  });

  it('tries again while it is refused, and ends if another client was faster', async () => {
    const { running, created, warned } = run([
      failed(404, 'NotFound'),
      failed(403, 'Forbidden'),
      failed(409, 'AlreadyExists'),
    ]);
    await running;
    assert.deepEqual([created.length, warned.length], [3, 2]);
  });

  it('ends with the term, and if nothing is known until then', async () => {
    const never = run(Array(1000).fill(failed(500, 'InternalError')));
    never.aborted.abort();
    await never.running;
    const stopped = new AbortController();
    const informer = { synced: () => new Promise(() => undefined) } as never;
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    const waiting = createDefaultDaemon({ client: {} as never, informer, namespace: 'x', log }, stopped.signal);
    stopped.abort();
    await waiting;
  });
});
