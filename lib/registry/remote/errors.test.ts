import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { responseError } from './errors.ts';

const request = { method: 'PUT', url: new URL('https://u:p@registry.example.com/v2/a/manifests/v1?secret=x#y') };
const body = (...codes: string[]): string =>
  JSON.stringify({ errors: codes.map((code) => ({ code, message: 'said' })) });

describe('what a registry answered', () => {
  const cases: [number, string, string][] = [
    [404, body('NAME_UNKNOWN'), 'NotFound'],
    [404, body('MANIFEST_BLOB_UNKNOWN'), 'NotFound'],
    [401, body('UNAUTHORIZED'), 'Unauthenticated'],
    // As Harbor and others answer for content that the client must not know to exist.
    [403, body('DENIED'), 'Unauthenticated'],
    [400, body('DENIED'), 'Unauthenticated'],
    [429, body('TOOMANYREQUESTS'), 'Unavailable'],
    [400, body('TOOMANYREQUESTS'), 'Unavailable'],
    [400, body('MANIFEST_INVALID'), 'InvalidInput'],
    [500, body('DIGEST_INVALID'), 'InvalidInput'],
    [405, body('UNSUPPORTED'), 'InvalidInput'],
    [404, body('OF_ITS_OWN', 'BLOB_UNKNOWN'), 'NotFound'],
    [413, '', 'LimitExceeded'],
    [404, 'not JSON', 'NotFound'],
    [403, '{}', 'Unauthenticated'],
    [408, '{"errors": []}', 'Unavailable'],
    [502, '<html>', 'Unavailable'],
    [418, '', 'InvalidInput'],
  ];
  for (const [status, text, kind] of cases) {
    it(`${status} ${text.slice(0, 60)}: ${kind}`, () => assert.equal(responseError(request, status, text).kind, kind));
  }

  it('is reported with method, URL and codes, without possible secrets in the URL, and with a hint', () => {
    const { message, hint } = responseError(request, 404, body('NAME_UNKNOWN', 'MANIFEST_UNKNOWN'));
    const said = 'NAME_UNKNOWN "said", MANIFEST_UNKNOWN "said"';
    assert.equal(message, `PUT https://registry.example.com/v2/a/manifests/v1: 404 ${said}`);
    assert.notEqual(hint, undefined);
  });

  it('without a reason is reported with a possible cause', () => {
    const plain = { method: 'HEAD', url: new URL('http://localhost:5000/v2/a/manifests/1') };
    const hints: [{ method: string; url: URL }, number, RegExp][] = [
      [plain, 400, /plain HTTP.*\/etc\/containerd\/certs\.d\/localhost:5000\/ca\.crt/],
      [request, 400, /without a reason/],
      [plain, 200, /not the answer of an OCI registry/],
    ];
    for (const [asked, status, hint] of hints) assert.match(responseError(asked, status, '').hint ?? '', hint);
    assert.match(responseError(plain, 400, body('TAG_INVALID')).hint ?? '', /its message states the reason/);
  });

  it('is shortened, and cannot play with a terminal', () => {
    const errors = Array.from({ length: 50 }, () => ({
      code: 'A\u001b[31m',
      message: `\u001b[2J${'x'.repeat(10_000)}`,
    }));
    const { message } = responseError(request, 400, JSON.stringify({ errors }));
    assert(message.length < 1200, String(message.length));
    assert(!message.includes('\u001b'));
  });
});
