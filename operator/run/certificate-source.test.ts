import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import type { WritableApiServer } from '#lib/kube/api-server';
import { openCertificateSource } from './certificate-source.ts';

/** An API server that answers nothing. */
const hanging = {
  get: () => new Promise(() => undefined),
  send: () => new Promise(() => undefined),
} as unknown as WritableApiServer;

describe('openCertificateSource', () => {
  it('is not ready with the certificate that no client trusts, until the Secret was read', async () => {
    const log = pino({ level: 'silent' });
    const source = await openCertificateSource({}, { api: hanging, host: '127.0.0.1', log });
    const notYet = { kind: 'Unavailable', message: /the certificate of the webhooks is not read yet/ };
    assert.throws(() => source.check(), notYet);
    void source.start();
    assert.throws(() => source.check(), notYet);
  });
});
