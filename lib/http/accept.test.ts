import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { preferredMediaType } from './accept.ts';

const offered = ['application/json', 'application/octet-stream'] as const;

describe('preferredMediaType', () => {
  const cases: readonly [string | undefined, string][] = [
    [undefined, 'application/json'],
    ['', 'application/json'],
    ['*/*', 'application/json'],
    ['application/*', 'application/json'],
    ['application/octet-stream', 'application/octet-stream'],
    ['Application/Octet-Stream', 'application/octet-stream'],
    ['application/json;q=0.1, application/octet-stream;q=0.9', 'application/octet-stream'],
    ['text/html, */*;q=0.1', 'application/json'],
    ['application/json;q=0, */*', 'application/octet-stream'],
    ['application/octet-stream, application/json;q=0.5', 'application/octet-stream'],
  ];
  for (const [accept, expected] of cases) {
    it(`answers ${accept ?? 'no Accept'} with ${expected}`, () => {
      assert.equal(preferredMediaType(accept, offered), expected);
    });
  }

  it('refuses a request that accepts no offered media type', () => {
    assert.throws(() => preferredMediaType('text/html', offered), { statusCode: 406, message: /text\/html/ });
    assert.throws(() => preferredMediaType('application/json;q=0', ['application/json']), { statusCode: 406 });
  });
});
