import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { ApiError } from '#lib/kube/api-error';
import { ObjectClient } from '#lib/kube/object-client';
import { TestLog } from '#test/support/kube/widgets';
import { runPolicyReportController } from './policy-report-controller.ts';
import { reportResources } from './stored-policy-report.ts';

const [policyReports = assert.fail()] = reportResources;

const resources = (...names: string[]) => JSON.stringify({ resources: names.map((name) => ({ name })) });
const failure = (status: number) => new ApiError(`answers ${status}`, { status, reason: '' });

/**
 * Returns what was logged, and how often the reports were listed, while the question whether they
 * are served got some answers.
 */
async function run(...answers: readonly (string | ApiError)[]) {
  const stopped = new AbortController();
  const log = new TestLog();
  const left = answers.values();
  let lists = 0;
  const api = {
    get: async () => {
      const { done, value } = left.next();
      if (done) stopped.abort();
      if (done || value instanceof ApiError) throw value ?? failure(0);
      return value;
    },
  };
  const unused = () => Promise.reject(new Error('unused'));
  const client = new ObjectClient({
    ...{ send: unused, watch: unused, close: () => undefined },
    get: async ({ signal }) => {
      lists++;
      if (signal?.aborted === false) await once(signal, 'abort');
      throw failure(0);
    },
  });
  const view = { synced: () => Promise.resolve(), coverage: unused };
  await runPolicyReportController({ api, client, view, resource: policyReports, period: 1, log }, stopped.signal);
  assert.deepEqual(
    log.lines.filter(({ level }) => level === 'warn' || level === 'error'),
    [],
  );
  return {
    lists,
    logged: log.lines.filter(({ level }) => level === 'info').map(({ message }) => message.slice(0, 24)),
  };
}

describe('runPolicyReportController', () => {
  const served = resources('policyreports', 'clusterpolicyreports');
  const reported = 'the coverage is reported';
  const notWritten = 'no reports are written, ';

  it('follows reports while they are served, and logs each change once', async () => {
    assert.deepEqual(await run(served, served), { lists: 1, logged: [reported] });
    assert.deepEqual(await run(failure(404), failure(404)), { lists: 0, logged: [notWritten] });
    assert.deepEqual(await run(served, failure(404), served), { lists: 2, logged: [reported, notWritten, reported] });
  });

  it('finds them not served if the group is missing, its version, or the resource in it', async () => {
    const notFound = new ApiError('answers 404', { status: 404, reason: 'NotFound' });
    assert.deepEqual(await run(notFound), { lists: 0, logged: [notWritten] });
    assert.deepEqual(await run(resources('clusterpolicyreports')), { lists: 0, logged: [notWritten] });
  });

  it('concludes nothing from an API server that cannot answer', async () => {
    assert.deepEqual(await run(failure(503), '{}', failure(0)), { lists: 0, logged: [] });
    assert.deepEqual(await run(served, failure(503), '<html>', served), { lists: 1, logged: [reported] });
    assert.deepEqual(await run(failure(404), failure(503), failure(404)), { lists: 0, logged: [notWritten] });
  });
});
