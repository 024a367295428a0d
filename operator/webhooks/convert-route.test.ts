import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { TlsFiles } from '#lib/http/tls-files';
import { describePeers } from '#test/peers/require';
import { profilesGroup } from '../api/shared/resource-definition.ts';
import { webhookServer } from './webhook.ts';

const binding = (name: string, metadata: object = {}) => ({
  apiVersion: `${profilesGroup}/v1`,
  kind: 'ProfileBinding',
  metadata: { name, namespace: 'web', ...metadata },
  spec: { profileRef: { kind: 'SeccompProfile', name: 'nginx' }, image: '*', podSelector: {} },
});

const review = (request: object) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'ConversionReview',
  request: { uid: 'u-1', desiredAPIVersion: `${profilesGroup}/v1alpha1`, objects: [], ...request },
});

interface Answer {
  readonly response: {
    readonly uid: string;
    readonly result: { readonly status: string; readonly message?: string };
    readonly convertedObjects: readonly { apiVersion: string; metadata: { name: string }; spec: object }[];
  };
}

describePeers(['openssl'], 'the conversion webhook', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'fairlead-convert-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  execFileSync(fileURLToPath(new URL('../../deploy/operator/certificate.sh', import.meta.url)), [
    folder,
    'IP:127.0.0.1',
  ]);
  const files = { cert: path.join(folder, 'tls.crt'), key: path.join(folder, 'tls.key') };

  const call = async (payload: object | string, more: { clientCa?: string } = {}) => {
    const logged: string[] = [];
    const log = pino({ level: 'debug' }, { write: (line: string) => logged.push(line) });
    const source = { read: async () => assert.fail('bindings were read'), probe: async () => {} };
    const server = webhookServer(source, await TlsFiles.open({ ...files, ...more }), log);
    const headers = { 'content-type': 'application/json' };
    const answered = await server.inject({ method: 'POST', url: '/convert?timeout=30s', headers, payload });
    await server.close();
    return { status: answered.statusCode, body: answered.body, answer: answered.json<Answer>(), logged };
  };

  it('converts all objects of a list in their order, and echoes the uid', async () => {
    const objects = ['a', 'b', 'c'].map((name) => binding(name));
    const { status, answer, logged } = await call(review({ objects }));
    assert.equal(status, 200);
    const { uid, result, convertedObjects } = answer.response;
    assert.deepEqual([uid, result], ['u-1', { status: 'Success' }]);
    assert.deepEqual(
      convertedObjects.map(({ apiVersion, metadata: { name } }) => [apiVersion, name]),
      ['a', 'b', 'c'].map((name) => [`${profilesGroup}/v1alpha1`, name]),
    );
    const back = review({ desiredAPIVersion: `${profilesGroup}/v1`, objects: convertedObjects });
    assert.deepEqual((await call(back)).answer.response.convertedObjects, objects);
    assert.match(logged.join(), /"objects":3/);
  });

  it('accepts a review without objects', async () => {
    for (const objects of [[], null, undefined]) {
      const { answer } = await call(review({ objects }));
      assert.deepEqual(answer.response.convertedObjects, []);
    }
  });

  it('answers a large list in parts', async () => {
    const objects = Array.from({ length: 40 }, (_, index) =>
      binding(`n${index}`, { annotations: { large: '"é\\'.repeat(10_000) } }),
    );
    const { answer } = await call(review({ objects }));
    assert.equal(answer.response.convertedObjects.length, 40);
    assert.equal(answer.response.convertedObjects[39]?.metadata.name, 'n39');
  });

  it('fails a whole list for one object, and names it and the next step', async () => {
    const failures: [unknown, RegExp][] = [
      [
        { ...binding('bad'), apiVersion: `${profilesGroup}/v1alpha9` },
        /ProfileBinding web\/bad: .*v1alpha9.*fairlead operator manifests/,
      ],
      [{ ...binding('bad'), kind: 'Pod' }, /Pod web\/bad: want one of the kinds SeccompProfile/],
      [7, /request\.objects\[1\] is not an object/],
      [
        { ...binding('bad'), spec: 'x'.repeat(4 * 1024 * 1024) },
        /request\.objects\[1\] has \d+ bytes: want at most 4194304/,
      ],
    ];
    for (const [bad, message] of failures) {
      const { status, answer, logged } = await call(review({ objects: [binding('good'), bad] }));
      assert.equal(status, 200);
      assert.equal(answer.response.uid, 'u-1');
      assert.deepEqual(answer.response.convertedObjects, []);
      assert.equal(answer.response.result.status, 'Failure');
      assert.match(answer.response.result.message ?? '', message);
      assert.match(logged.join(), /objects not converted/);
    }
  });

  it('fails an object of more values than an API server can store', async () => {
    const object = JSON.stringify(binding('many')).replace('{}', () => `[${'1,'.repeat(1_000_000)}1]`);
    const body = JSON.stringify(review({ objects: ['x'] })).replace('"x"', () => object);
    const { answer } = await call(body);
    assert.match(answer.response.result.message ?? '', /request\.objects\[0\] has more than 1000000 values/);
  });

  it('refuses a call of more than 32 MiB before it is read', async () => {
    const { status, body } = await call(`{${' '.repeat(32 * 1024 * 1024)}}`);
    assert.equal(status, 413);
    assert.match(body, /want at most 33554432/);
  });

  it('fails an object that is nested too deeply, in either direction', async () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    const object = JSON.stringify(binding('deep')).replace('"podSelector":{}', `"podSelector":${deep}`);
    const body = JSON.stringify(review({ objects: ['x'] })).replace('"x"', () => object);
    const { answer } = await call(body);
    assert.match(answer.response.result.message ?? '', /nested too deeply/);
  });

  it('refuses a body that is not a review, as an error of the webhook', async () => {
    const good = JSON.stringify(review({ objects: [binding('a')] }));
    const bodies: [string, RegExp][] = [
      ['', /./],
      ['{', /not valid JSON/],
      ['[]', /invalid ConversionReview/],
      [good.replace('apiextensions.k8s.io/v1"', 'apiextensions.k8s.io/v1beta1"'), /apiVersion/],
      [good.replace('"uid":"u-1"', '"uid":""'), /request\.uid/],
      [good.replace('"desiredAPIVersion":', '"desired":'), /request\.desiredAPIVersion/],
      [good.replace('"objects":[', '"objects":[],"objects":['), /request\.objects/],
      [good.slice(0, -1), /not valid JSON/],
      [JSON.stringify({ ...review({}), request: [[1]] }), /request/],
    ];
    for (const [body, message] of bodies) {
      const { status, body: text } = await call(body);
      assert.equal(status, 400, body.slice(0, 100));
      assert.match(text, message);
    }
  });

  it('takes invalid JSON in an object for a failure of this object', async () => {
    const good = JSON.stringify(review({ objects: [binding('a')] }));
    for (const body of [good.replace('"image":"*"', '"image":*'), good.replace('"objects":[', '"objects":[,')]) {
      const { status, body: text } = await call(body);
      assert.equal(status, 200);
      assert.match(text, /request\.objects\[0\] is not valid JSON/);
    }
  });

  it('answers clients without a certificate where reviews require one', async () => {
    const { status } = await call(review({ objects: [binding('a')] }), { clientCa: path.join(folder, 'ca.crt') });
    assert.equal(status, 200);
  });
});
