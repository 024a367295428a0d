import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { apiErrorOf } from '#lib/kube/api-error';
import type { ApiServer } from '#lib/kube/api-server';
import { daemonSource } from './daemon-settings.ts';

/** An API server with one answer. */
const answering = (status: number, body: string): ApiServer => ({
  async get() {
    if (status === 200) return body;
    throw apiErrorOf('host', status, body, undefined);
  },
  watch: () => Promise.reject(new Error('not watched')),
  close: () => undefined,
});
const read = (status: number, body: string) => daemonSource(answering(status, body), 'fairlead-system').read();

const kind = 'SecurityProfilesOperatorDaemon';

describe('daemonSource', () => {
  it('returns the settings, or undefined if the object does not exist', async () => {
    const spec = { security: { allowedSyscalls: ['read'] } };
    const settings = await read(200, JSON.stringify({ kind, metadata: {}, spec }));
    assert.deepEqual(settings?.spec?.security?.allowedSyscalls, ['read']);
    const none = { kind: 'Status', message: '"spod" not found', reason: 'NotFound', code: 404 };
    assert.equal(await read(404, JSON.stringify(none)), undefined);
  });

  it('takes no answer for that of an administrator who allows everything', async () => {
    for (const [status, body] of [
      [404, '404 page not found\n'],
      [404, ''],
      [500, ''],
    ] as const) {
      await assert.rejects(read(status, body), { status });
    }
    for (const body of ['<html>', 'null', '[]', '{}', '{"kind":"Status"}']) {
      await assert.rejects(
        read(200, body),
        { kind: 'Unavailable', message: /^cannot read the SecurityProfiles/ },
        body,
      );
    }
    await assert.rejects(read(200, JSON.stringify({ kind, spec: { security: { allowedSyscalls: 'read' } } })), {
      kind: 'InvalidInput',
      message: /fairlead-system\/spod is invalid/,
    });
  });
});
