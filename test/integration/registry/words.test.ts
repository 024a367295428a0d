import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { speaksForRegistry } from '#lib/registry/remote/own-domain';
import { remoteRepository } from '#lib/registry/remote/repository';
import { startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { failed, runFairlead } from '#test/support/cli/run';
import { manifest } from '#test/support/contract/content';
import { content, image, serve } from '#test/support/faults/scripted-registry';

const quick = { retry: { attempts: 1 } };
const errors = (...list: unknown[]): string => JSON.stringify({ errors: list });

/** What a call rejects with, as text. */
async function refusal(call: Promise<unknown>): Promise<{ kind: string; message: string; hint: string }> {
  const error = await call.then(
    () => assert.fail('it was not refused'),
    (thrown) => thrown,
  );
  return { kind: error.kind, message: error.message, hint: error.hint ?? '' };
}

describe('the text of a refusal by a registry', () => {
  it('is reported for a tag as well, although the answer to HEAD has no body', async () => {
    const { target, seen } = await serve((request, response) => {
      response.writeHead(403, { 'content-type': 'application/json' });
      response.end(request.method === 'HEAD' ? '' : errors({ code: 'DENIED', detail: { message: 'plan expired' } }));
    }, quick);
    const { kind, message } = await refusal(target.resolve('v1'));
    assert.equal(kind, 'Unauthenticated');
    assert.match(message, /HEAD http.*: 403 DENIED "plan expired"$/);
    assert.deepEqual(seen, ['HEAD /v2/a/manifests/v1', 'GET /v2/a/manifests/v1']);
  });

  it('is not requested if content is only absent, or the registry is overloaded', async () => {
    for (const status of [404, 429, 503]) {
      const { target, seen } = await serve((_request, response) => response.writeHead(status).end(), quick);
      await refusal(target.resolve('v1'));
      assert.deepEqual(seen, ['HEAD /v2/a/manifests/v1'], String(status));
    }
  });

  it('stays the first one if the second answer differs', async () => {
    const { target } = await serve((request, response) => {
      if (request.method === 'HEAD') response.writeHead(403).end();
      else response.writeHead(200, { 'content-type': image.descriptor.mediaType }).end(image.bytes);
    }, quick);
    const { kind, message } = await refusal(target.resolve('v1'));
    assert.equal(kind, 'Unauthenticated');
    assert.match(message, /: 403$/);
  });

  it('is reported for an upload, from a page, and from a challenge', async () => {
    const pages: [number, Record<string, string>, string, RegExp][] = [
      [
        413,
        {},
        '<html><head><title>413 Request Entity Too Large</title></head></html>',
        /: 413 "413 Request Entity Too Large"$/,
      ],
      [403, {}, 'no more than 3 pushes a day\n', /: 403 "no more than 3 pushes a day"$/],
      [
        403,
        { 'www-authenticate': 'Bearer realm="x",error="insufficient_scope",error_description="needs push"' },
        '',
        /: 403 insufficient_scope "needs push"$/,
      ],
      [
        400,
        {},
        errors({ code: 'UNSUPPORTED', detail: 'read-only until 5:00' }),
        /: 400 UNSUPPORTED "read-only until 5:00"$/,
      ],
    ];
    for (const [status, headers, body, message] of pages) {
      const { target } = await serve((request, response) => {
        if (request.method === 'HEAD') response.writeHead(404).end();
        else request.resume().on('end', () => response.writeHead(status, headers).end(body));
      }, quick);
      assert.match((await refusal(target.push(content.descriptor, content.bytes))).message, message);
    }
  });

  it('contains when to try again', async () => {
    const limited = errors({ code: 'TOOMANYREQUESTS', message: 'pull rate limit' });
    for (const [after, hint] of [
      ['3600', /Try again in 3600 seconds/],
      ['Fri, 01 Jan 2100 00:00:00 GMT', /Try again after 2100-01-01T00:00:00\.000Z/],
      ['soon', /Try again later/],
    ] as const) {
      const { target } = await serve(
        (_request, response) => response.writeHead(429, { 'retry-after': after }).end(limited),
        quick,
      );
      const told = await refusal(target.fetch(image.descriptor));
      assert.match(told.message, /TOOMANYREQUESTS "pull rate limit"/);
      assert.match(told.hint, hint);
    }
  });
});

describe('a registry that echoes what it was sent', () => {
  const who = { username: 'robot$acme', password: 'hunter2/+pass' };
  const leak = /hunter2|robot\$acme:|cm9ib3Qk|opaque-token|refresh-me|deadbeef/;

  it('shows no password and no token in our errors', async () => {
    const basic = await serve((request, response) => {
      const { authorization = '' } = request.headers;
      if (authorization === '') return response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
      const pair = Buffer.from(authorization.slice(6), 'base64').toString();
      return response
        .writeHead(403)
        .end(errors({ code: 'DENIED', message: `no ${authorization}`, detail: `login ${pair}` }));
    });
    const target = remoteRepository({ registry: basic.host, repository: 'a' }, { credentials: who, ...quick });
    for (const call of [() => target.fetch(image.descriptor), () => target.resolve('v1')]) {
      const { message } = await refusal(call());
      assert.match(message, /DENIED "no Basic \(secret\)" \("login \(secret\)"\)/);
      assert.doesNotMatch(message, leak);
    }
  });

  it('nor does its token service, nor the recipient of the token', async () => {
    for (const [credentials, fails] of [
      [who, 'token'],
      [{ identityToken: 'refresh-me-please' }, 'token'],
      [who, 'api'],
      [{ registryToken: 'opaque-token' }, 'api'],
    ] as const) {
      const { host } = await serve((request, response) => {
        const { authorization = '', host: self } = request.headers;
        let body = '';
        request.on('data', (piece) => (body += piece));
        request.on('end', () => {
          if (request.url?.startsWith('/token')) {
            const sent = `${authorization} ${decodeURIComponent(body)} ${body}`;
            if (fails === 'token') response.writeHead(401).end(`{"details": ${JSON.stringify(`wrong: ${sent}`)}}`);
            else response.end('{"token": "opaque-token"}');
          } else if (authorization === '') {
            response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${self}/token"` }).end();
          } else
            response.writeHead(403, { 'www-authenticate': `Bearer error_description="bad ${authorization}"` }).end();
        });
      });
      const target = remoteRepository({ registry: host, repository: 'a' }, { credentials, ...quick });
      const { message } = await refusal(target.fetch(image.descriptor));
      assert.match(message, /\(secret\)/);
      assert.doesNotMatch(message, leak);
    }
  });

  it('nor does an upload show what its session is called', async () => {
    const { target } = await serve((request, response) => {
      if (request.method === 'HEAD') response.writeHead(404).end();
      else if (request.method === 'POST')
        response.writeHead(202, { location: '/v2/a/blobs/uploads/1?_state=deadbeefdeadbeef' }).end();
      else request.resume().on('end', () => response.writeHead(403).end(`bad ${request.url} of deadbeefdeadbeef`));
    }, quick);
    const { message } = await refusal(target.push(content.descriptor, content.bytes));
    assert.match(message, /: 403 "bad \/v2\/a\/blobs\/uploads\/1\?_state=\(secret\)&digest=.* of \(secret\)"$/);
    assert.doesNotMatch(message, leak);
  });
});

describe('a registry that sends us to a host that only we reach', () => {
  it('shows nothing of its text, in a body, a challenge or a second answer', async () => {
    const inner = await serve((_request, response) =>
      response
        .writeHead(403, { 'www-authenticate': 'Basic error_description="of the inner host"' })
        .end('<title>the inner host</title>'),
    );
    for (const call of ['fetch', 'resolve'] as const) {
      const { target } = await serve(
        (_request, response) => response.writeHead(307, { location: `http://${inner.host}/admin` }).end(),
        quick,
      );
      const refused = call === 'fetch' ? target.fetch(content.descriptor) : target.resolve('v1');
      assert.match((await refusal(refused)).message, /: 403$/);
    }
    assert.deepEqual(inner.seen, ['GET /admin', 'HEAD /admin']);
  });

  it('has that of its own domain shown, and of no other', () => {
    const shown: [string, string, boolean][] = [
      ['https://registry.example.com', 'https://registry.example.com', true],
      ['https://storage.example.com', 'https://registry.example.com', true],
      ['https://registry.example.com:8443', 'https://registry.example.com', true],
      ['https://internal.corp', 'https://registry.example.com', false],
      ['https://10.0.0.1', 'https://10.0.0.2', false],
      ['http://127.0.0.1:9000', 'http://127.0.0.1:5000', false],
      ['http://localhost:5000', 'http://127.0.0.1:5000', false],
    ];
    for (const [host, registry, own] of shown)
      assert.equal(speaksForRegistry(new URL(host), new URL(registry)), own, `${host} for ${registry}`);
  });
});

describePeers(['docker-registry'], 'the text of a refusal by docker-registry', () => {
  let cwd = '';
  before(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'fairlead-words-'));
  });
  after(() => rm(cwd, { recursive: true }));

  it('reaches the caller with its detail', async () => {
    const registry = await startRegistry();
    try {
      const target = remoteRepository({ registry: registry.host, repository: 'a' });
      const broken = manifest([content]);
      const { message } = await refusal(target.push(broken.descriptor, broken.bytes));
      assert.match(message, /MANIFEST_BLOB_UNKNOWN ".*unknown.*" \(".*sha256:/);
      assert.ok(message.includes(content.descriptor.digest), message);
    } finally {
      await registry.stop();
    }
  });

  it('reaches the user of a command, escaped', async () => {
    await writeFile(join(cwd, 'p.json'), '{"defaultAction":"SCMP_ACT_ERRNO"}');
    const { host } = await serve((request, response) => {
      const body = errors({ code: 'DENIED', detail: { message: 'quota\u001b[2J is\n::error::used up' } });
      response.writeHead(403).end(request.method === 'HEAD' ? undefined : body);
    });
    const finished = await runFairlead(['push', 'p.json', `${host}/a:1`, '--unsigned'], { cwd });
    failed(finished, 6, /403 DENIED "quota\\u001b\[2J is ::error::used up"/);
    assert.doesNotMatch(finished.stderr, /(?!\n)\p{C}|^::/mu);
  });
});
