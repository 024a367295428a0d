import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import type { FairleadError } from '#lib/errors';
import { isPassing, requestError } from './request-error.ts';
import { createTransport, defaultTimeouts } from './transport.ts';

const url = new URL('http://user:secret@127.0.0.1:1/v2/a/manifests/v1?token=secret');

describe('createTransport', () => {
  it('reports a defect of this program at once, as Internal', async () => {
    let asked = 0;
    const defect = new ReferenceError('sharedAgent is not defined');
    const transport = createTransport({
      timeouts: defaultTimeouts,
      retry: { attempts: 3, delay: 1 },
      connection: () => {
        asked++;
        throw defect;
      },
    });
    await assert.rejects(transport.send({ method: 'HEAD', url, headers: {} }), {
      kind: 'Internal',
      message: 'HEAD http://127.0.0.1:1/v2/a/manifests/v1: sharedAgent is not defined',
      cause: defect,
    });
    assert.equal(asked, 1);
  });

  it('reports headers that cannot be sent as Internal too', async () => {
    const transport = createTransport({
      timeouts: defaultTimeouts,
      retry: { attempts: 1, delay: 1 },
      connection: () => ({}),
    });
    const plain = new URL('http://127.0.0.1:1/v2/');
    await assert.rejects(transport.send({ method: 'GET', url: plain, headers: { accept: 'a\nb' } }), {
      kind: 'Internal',
    });
  });

  it('repeats requests that the network refuses, and finally reports Unavailable', async () => {
    let asked = 0;
    const transport = createTransport({
      timeouts: defaultTimeouts,
      retry: { attempts: 3, delay: 1 },
      connection: () => {
        asked++;
        return {};
      },
    });
    const closed = new URL('http://127.0.0.1:1/v2/');
    await assert.rejects(transport.send({ method: 'GET', url: closed, headers: {} }), { kind: 'Unavailable' });
    assert.equal(asked, 3);
  });
});

describe('a server that accepts connections and does not answer', () => {
  it('is asked twice, and named with the limit in words of ours', async (t) => {
    let asked = 0;
    const server = createServer(() => {
      asked++;
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    const transport = createTransport({
      timeouts: { ...defaultTimeouts, headers: 200 },
      retry: { attempts: 4, delay: 1 },
      connection: () => ({}),
    });
    const silent = new URL(`http://127.0.0.1:${port}/v2/`);
    await assert.rejects(transport.send({ method: 'GET', url: silent, headers: {} }), (error: FairleadError) => {
      assert.equal(error.kind, 'Unavailable');
      assert.equal(error.message, `GET ${silent.href}: no answer within 0.2 s, 2 times`);
      assert.match(error.hint ?? '', /takes too long to answer/);
      assert.equal(error.cause, undefined);
      return true;
    });
    assert.equal(asked, 2);
  });

  it('and what else is slow, is described without words of the HTTP client', () => {
    const limits = { timeouts: defaultTimeouts };
    for (const [code, words] of [
      ['UND_ERR_CONNECT_TIMEOUT', 'no connection within 10 s'],
      ['UND_ERR_HEADERS_TIMEOUT', 'no answer within 30 s'],
      ['UND_ERR_BODY_TIMEOUT', 'the answer stopped, and nothing more came within 30 s'],
    ] as const) {
      const error = Object.assign(new Error('Headers Timeout Error'), { code });
      assert.equal(
        requestError({ method: 'GET', url }, error, limits).message,
        `GET ${url.origin}${url.pathname}: ${words}`,
      );
    }
  });
});

describe('what a request ended with', () => {
  const request = { method: 'GET', url };
  const coded = (code: string, of: typeof Error = Error): Error => Object.assign(new of('words'), { code });
  const nameless = Object.assign(new Error('Parse Error'), { name: 'HTTPParserError', code: undefined });

  const cases: readonly (readonly [string, unknown, string, passing: boolean])[] = [
    ['a reset connection', coded('ECONNRESET'), 'Unavailable', true],
    ['a broken pipe', coded('EPIPE'), 'Unavailable', true],
    ['no such host', coded('ENOTFOUND'), 'Unavailable', false],
    ['a DNS server that does not answer', coded('EAI_AGAIN'), 'Unavailable', true],
    [
      'every address refused, as Node says it',
      Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' }),
      'Unavailable',
      true,
    ],
    ['a socket that undici sees closing', coded('UND_ERR_SOCKET'), 'Unavailable', true],
    ['headers that do not come', coded('UND_ERR_HEADERS_TIMEOUT'), 'Unavailable', true],
    ['an answer that is no HTTP', coded('HPE_INVALID_CONSTANT'), 'Unavailable', true],
    ['an answer that is no HTTP, without a code', nameless, 'Unavailable', true],
    ['an HTTP/2 stream that ends', coded('ERR_HTTP2_STREAM_ERROR'), 'Unavailable', true],
    ['a peer without TLS', coded('ERR_SSL_WRONG_VERSION_NUMBER'), 'Unavailable', false],
    ['a self-signed certificate', coded('DEPTH_ZERO_SELF_SIGNED_CERT'), 'Unavailable', false],
    ['a certificate for another name', coded('ERR_TLS_CERT_ALTNAME_INVALID'), 'Unavailable', false],
    ['a network error that another wraps', new Error('failed', { cause: coded('ETIMEDOUT') }), 'Unavailable', true],
    ['a key that does not fit its certificate', coded('ERR_OSSL_X509_KEY_VALUES_MISMATCH'), 'InvalidInput', false],
    ['a mistyped name', new ReferenceError('x is not defined'), 'Internal', false],
    ['a missing value', new TypeError('Cannot read properties of undefined'), 'Internal', false],
    ['a wrong argument of Node', coded('ERR_INVALID_ARG_TYPE', TypeError), 'Internal', false],
    ['a wrong argument of undici', coded('UND_ERR_INVALID_ARG'), 'Internal', false],
    ['a module that is not there', coded('ERR_MODULE_NOT_FOUND'), 'Internal', false],
    ['a text', 'words', 'Internal', false],
  ];
  for (const [title, error, kind, passing] of cases) {
    it(`${title}: ${kind}`, () => {
      const made = requestError(request, error);
      assert.equal(made.kind, kind);
      assert.equal(made.cause, error);
      assert.doesNotMatch(made.message, /secret/);
      assert.equal(isPassing(error), passing);
    });
  }
});
