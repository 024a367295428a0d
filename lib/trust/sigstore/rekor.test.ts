import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { before, describe, it } from 'node:test';
import { digestOf } from '#lib/registry/digest';
import { type BundleJson, privateSigstore } from '#test/support/sigstore/private-sigstore';
import type { AskService, ServiceAnswer, ServiceRequest } from '../../network/service-client.ts';
import { enterInRekorV1, enterInRekorV2, type LoggedSignature } from './rekor.ts';
import { requestTimestamp } from './timestamp-authority.ts';

const url = 'https://log.example';
const entry = {
  body: Buffer.from('{"kind":"dsse","apiVersion":"0.0.1"}').toString('base64'),
  integratedTime: 1,
  logIndex: 2,
  logID: 'ab',
  verification: {
    signedEntryTimestamp: 'c2V0',
    inclusionProof: { logIndex: 2, rootHash: 'cd', treeSize: 3, hashes: ['ef'], checkpoint: 'note' },
  },
};

let logged: LoggedSignature;
before(async () => {
  const descriptor = { mediaType: 'x', digest: digestOf(Buffer.from('x')), size: 1 };
  const bundle: BundleJson = await (await privateSigstore()).sign(descriptor);
  const certificate = new X509Certificate(Buffer.from(bundle.verificationMaterial.certificate.rawBytes, 'base64'));
  logged = { content: { dsseEnvelope: bundle.dsseEnvelope }, verifier: certificate };
});

/** A service with these answers, in order, and the requests that it received. */
function service(...answers: (Partial<ServiceAnswer> & { json?: unknown })[]): {
  ask: AskService;
  asked: ServiceRequest[];
} {
  const asked: ServiceRequest[] = [];
  const ask: AskService = async (request) => {
    asked.push(request);
    const { json = '', ...answer } = answers.shift() ?? assert.fail(`asked once more: ${request.url}`);
    return { status: 200, body: Buffer.from(typeof json === 'string' ? json : JSON.stringify(json)), ...answer };
  };
  return { ask, asked };
}

describe('a log of Rekor v1', () => {
  it('returns the entry as it is in a bundle', async () => {
    const { ask, asked } = service({ status: 201, json: { id: entry } });
    assert.deepEqual(await enterInRekorV1(ask, url, logged), {
      logIndex: '2',
      logId: { keyId: 'qw==' },
      kindVersion: { kind: 'dsse', version: '0.0.1' },
      integratedTime: '1',
      inclusionPromise: { signedEntryTimestamp: 'c2V0' },
      inclusionProof: {
        logIndex: '2',
        rootHash: 'zQ==',
        treeSize: '3',
        hashes: ['7w=='],
        checkpoint: { envelope: 'note' },
      },
      canonicalizedBody: entry.body,
    });
    assert.deepEqual(
      asked.map((request) => [request.method, request.url]),
      [['POST', `${url}/api/v1/log/entries`]],
    );
  });

  it('that has the entry is asked for it, and no other host is', async () => {
    const { ask, asked } = service(
      { status: 409, location: '/api/v1/log/entries/id', json: {} },
      { json: { id: entry } },
    );
    await enterInRekorV1(ask, url, logged);
    assert.equal(asked[1]?.url, `${url}/api/v1/log/entries/id`);
    const elsewhere = service({ status: 409, location: 'https://evil.example/', json: {} });
    await assert.rejects(enterInRekorV1(elsewhere.ask, url, logged), { kind: 'Unavailable', message: /answered 409/ });
    assert.equal(elsewhere.asked.length, 1);
  });

  it('with an invalid answer is Unavailable, with its own message', async () => {
    for (const [answer, message] of [
      [{ status: 400, json: { message: 'bad\u001b[2J entry' } }, /answered 400: "bad\\u001b\[2J entry"$/],
      [{ status: 502, json: 'no JSON' }, /answered 502$/],
      [{ status: 302, json: '' }, /answered 302$/],
      [{ json: {} }, /invalid answer/],
      [{ json: { a: entry, b: entry } }, /invalid answer/],
      [{ json: { a: { ...entry, verification: {} } } }, /invalid answer of .*: missing or invalid a\.verification/],
    ] as const) {
      await assert.rejects(enterInRekorV1(service(answer).ask, url, logged), { kind: 'Unavailable', message });
    }
  });
});

describe('a log of Rekor v2', () => {
  it('receives the hash of the signed bytes, and no envelope', async () => {
    const answer = { logId: { keyId: 'a' }, kindVersion: { kind: 'k', version: 'v' }, canonicalizedBody: 'b', more: 1 };
    const { ask, asked } = service({ status: 201, json: answer });
    assert.deepEqual(await enterInRekorV2(ask, url, logged), answer);
    const { hashedRekordRequestV002 } = JSON.parse(String(asked[0]?.body));
    assert.equal(hashedRekordRequestV002.signature.content, logged.content.dsseEnvelope?.signatures[0].sig);
    await assert.rejects(enterInRekorV2(service({ json: {} }).ask, url, logged), { kind: 'Unavailable' });
  });
});

describe('a timestamp authority', () => {
  it('with a refusal or an invalid answer is Unavailable', async () => {
    // TimeStampResp ::= SEQUENCE { PKIStatusInfo ::= SEQUENCE { rejection (2) } }
    const rejection = Buffer.from('30053003020102', 'hex');
    for (const answer of [
      { body: rejection },
      { json: 'no DER' },
      { status: 503, json: '' },
      { body: Buffer.alloc(0) },
    ]) {
      await assert.rejects(requestTimestamp(service(answer).ask, url, Buffer.from('signature')), {
        kind: 'Unavailable',
      });
    }
  });

  it('is asked at its own path, or at that of Sigstore’s authorities', async () => {
    for (const [at, expected] of [
      ['https://tsa.example', 'https://tsa.example/api/v1/timestamp'],
      ['https://tsa.example/tsr', 'https://tsa.example/tsr'],
    ] as const) {
      const { ask, asked } = service({ status: 500, json: '' });
      await assert.rejects(requestTimestamp(ask, at, Buffer.from('signature')), { kind: 'Unavailable' });
      assert.equal(asked[0]?.url, expected);
    }
  });
});
