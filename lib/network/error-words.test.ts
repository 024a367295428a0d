import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { challengeWords, readWords } from './error-words.ts';

const errors = (...list: unknown[]): string => JSON.stringify({ errors: list });

describe('the text of an error', () => {
  const said: [string, string, string][] = [
    [
      'docker-registry, whose detail has members',
      errors({ code: 'MANIFEST_UNKNOWN', message: 'manifest unknown', detail: { Tag: 'v1' } }),
      'MANIFEST_UNKNOWN "manifest unknown" ("Tag v1")',
    ],
    [
      'docker-registry, whose detail is a text',
      errors({ code: 'TAG_INVALID', message: 'invalid tag', detail: 'must be shorter' }),
      'TAG_INVALID "invalid tag" ("must be shorter")',
    ],
    [
      'a token service, with what was asked for',
      errors({
        code: 'UNAUTHORIZED',
        message: 'authentication required',
        detail: [{ Type: 'repository', Name: 'a', Action: 'pull' }],
      }),
      'UNAUTHORIZED "authentication required" ("Type repository, Name a, Action pull")',
    ],
    [
      'Quay, whose detail is an object with a message',
      errors({
        code: 'MANIFEST_INVALID',
        message: 'manifest invalid',
        detail: { message: 'manifest schema version not supported' },
      }),
      'MANIFEST_INVALID "manifest invalid" ("manifest schema version not supported")',
    ],
    [
      'Quay, as printed by a registry in front of it',
      errors({ code: 'DENIED', message: 'denied', detail: 'map[message:expired credentials]' }),
      'DENIED "denied" ("expired credentials")',
    ],
    [
      'a detail that says nothing new',
      errors({ code: 'DENIED', message: 'no, thanks', detail: { message: 'thanks' } }),
      'DENIED "no, thanks"',
    ],
    [
      'an empty detail',
      errors({ code: 'DENIED', message: 'no', detail: {} }, { code: 'X', detail: null }),
      'DENIED "no", X',
    ],
    ['no code', errors({ status: 403, message: 'Forbidden for you' }), '"Forbidden for you"'],
    ['an invalid code', errors({ code: 'over quota!', message: 'no' }), '"no" ("over quota!")'],
    ['numbers in the place of texts', errors({ code: 403, message: 12, detail: 13 }), '"12" ("13")'],
    ['texts in the place of errors', errors('not now', 'nor later'), '"not now", "nor later"'],
    ['an object in the place of the list', '{"errors": {"code": "DENIED", "message": "no"}}', 'DENIED "no"'],
    [
      'OAuth2',
      '{"error": "invalid_grant", "error_description": "refresh token expired"}',
      'invalid_grant "refresh token expired"',
    ],
    ['Docker Hub’s token service', '{"details": "incorrect username or password"}', '"incorrect username or password"'],
    ['problem details', '{"title": "Quota", "status": 403, "detail": "10 GB are used"}', '"Quota" ("10 GB are used")'],
    ['an error as an object', '{"error": {"code": 403, "message": "API is off"}}', '"API is off"'],
    ['plain text', '404 page not found\n', '"404 page not found"'],
    [
      'a page',
      '<html>\r\n<head><title>413 Request Entity Too Large</title></head><body>nginx</body></html>',
      '"413 Request Entity Too Large"',
    ],
    ['a page without a title', '<!doctype html><p>Blocked by <b>A&amp;B</b></p>', '"Blocked by A&B"'],
    [
      'XML of a store',
      '<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>',
      '"Request has expired"',
    ],
    ['nothing', '', ''],
    ['an empty list', '{"errors": []}', ''],
    ['an empty object', '{}', ''],
    ['null', 'null', ''],
    ['empty errors', errors({}, null, [], ''), ''],
    ['binary data', '\u0000\u0001PNG\uFFFD', ''],
  ];
  for (const [title, body, text] of said) it(`are shown: ${title}`, () => assert.equal(readWords(body).text, text));

  it('has codes in capitals, and none that is a member of every object', () => {
    const body = errors({ code: 'denied' }, { code: '__proto__' }, { code: 'constructor' }, { code: 'a b' });
    assert.deepEqual(readWords(body).codes, ['DENIED', '__PROTO__', 'CONSTRUCTOR']);
  });

  it('of a challenge is shown, if there is nothing else', () => {
    const parameters = { realm: 'https://a/', error: 'insufficient_scope', error_description: 'needs push' };
    assert.equal(challengeWords(parameters), 'insufficient_scope "needs push"');
    assert.equal(challengeWords({ realm: 'https://a/' }), '');
    assert.equal(challengeWords({ error: 'a b', error_description: 'x\u001b[2J' }), '"x\\u001b[2J"');
  });
});

describe('the text of a hostile registry', () => {
  const bodies: [string, (text: string) => string][] = [
    ['message', (text) => errors({ code: 'X', message: text })],
    ['detail', (text) => errors({ code: 'X', message: 'm', detail: text })],
    ['message of a detail', (text) => errors({ code: 'X', message: 'm', detail: { message: text } })],
    ['member of a detail', (text) => errors({ code: 'X', message: 'm', detail: { a: text } })],
    ['name of a member', (text) => errors({ code: 'X', message: 'm', detail: { [text]: 'a' } })],
    ['code', (text) => errors({ code: text, message: 'm' })],
    ['list', (text) => errors(text)],
    ['plain text', (text) => text],
    ['page', (text) => `<html><title>${text}</title></html>`],
  ];

  for (const [place, body] of bodies) {
    it(`cannot control a terminal or begin a new line: ${place}`, () => {
      const { text } = readWords(body('a\u001b[2J\u009b31m\r\n::error::b\u202e\u2028c\u00ad\u{e0041}\ud800'));
      assert.match(text, /a.*31m.*error.*b.*c/);
      assert.doesNotMatch(text, /[\p{C}\p{Zl}\p{Zp}]/u);
    });

    it(`are short: ${place}`, () => {
      assert.ok(readWords(body('x'.repeat(16_000))).text.length < 1000);
      assert.ok(readWords(body('x y '.repeat(4_000))).text.length < 1000);
    });

    const secrets = ['s3cr3t-token.of/us+x=', 'pw', 'user:pw'];
    it(`show nothing of what was sent: ${place}`, () => {
      for (const secret of ['s3cr3t-token.of/us+x=', 'user:pw', 'pw']) {
        const { text } = readWords(body(`you sent ${secret}, or Bearer ${secret}`), secrets);
        assert.doesNotMatch(text, /s3cr3t|us\+x|\bpw\b/);
        assert.match(text, /you sent \(secret\)/);
      }
    });
  }

  it('show no credentials, by whomever they were sent, and keep what only sounds like it', () => {
    const leaks = [
      'token eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl is old',
      'Authorization: Bearer ghp_0123456789abcdef',
      `Authorization: Basic ${Buffer.from('me:hunter22').toString('base64')}`,
      'see https://me:hunter22@storage.example/a?X-Amz-Signature=deadbeef&x=1',
    ];
    for (const leak of leaks) {
      const { text } = readWords(errors({ code: 'X', message: leak }));
      assert.doesNotMatch(text, /eyJ|ghp_|hunter|deadbeef|bWU6/, text);
    }
    assert.match(readWords(leaks[3] ?? '').text, /see https:\/\/storage\.example\/a\?…/);
    const kept = 'HTTP Basic: access denied; Basic authentication is off, Bearer authentication is required';
    assert.equal(readWords(kept).text, `"${kept}"`);
  });

  it('show no secret in another spelling, nor in what looks like a code', () => {
    const secret = 'pass"w\\rd&1<x>';
    for (const body of [
      JSON.stringify({ message: `you sent ${JSON.stringify(secret)}` }),
      `<title>you sent pass&#34;w\\rd&amp;1&lt;x&gt;</title>`,
      `<title>you sent pass&quot;w&#92;rd&#x26;1&lt;x&#62;</title>`,
      `you sent ${encodeURIComponent(secret)}`,
    ]) {
      const { text } = readWords(body, [secret]);
      assert.match(text, /^"you sent (?:\\")?\(secret\)/, body);
    }
    const { codes, text } = readWords(errors({ code: 'BAD_hunter2hunter2', message: 'no' }), ['hunter2hunter2']);
    assert.deepEqual([codes, text], [[], '"no"']);
  });

  it('show no start of a secret that was cut off', () => {
    const secret = 'k'.repeat(3000);
    const { text } = readWords(`${secret} ${secret} ${secret}`, [secret]);
    assert.doesNotMatch(text, /kk/);
  });

  it('take no time, whatever they are', () => {
    const began = performance.now();
    const deep = `${'['.repeat(8000)}${']'.repeat(8000)}`;
    for (const unit of [
      'a://',
      '<',
      '<title',
      'bearer ',
      'basic a',
      'eyJ',
      '\\',
      '&',
      '"',
      'map[message:',
      'a.',
      '  ',
    ]) {
      for (const [, body] of bodies) readWords(body(unit.repeat(16_384 / unit.length)), [unit, unit.repeat(3)]);
    }
    readWords(deep);
    readWords(`{"errors": ${deep}}`);
    readWords(`{"errors": [{"code": "X", "detail": ${deep}}]}`);
    assert.ok(performance.now() - began < 2000, String(performance.now() - began));
  });
});
