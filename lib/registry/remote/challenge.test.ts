import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseChallenges } from './challenge.ts';
import { scopesToRequest } from './scope.ts';

const read = (header: string): unknown => JSON.parse(JSON.stringify(parseChallenges(header)));

describe('parseChallenges', () => {
  it('reads a token challenge', () => {
    assert.deepEqual(read('Bearer realm="https://auth.io/token",service="r.io",scope="repository:a:pull,push"'), [
      {
        scheme: 'bearer',
        parameters: { realm: 'https://auth.io/token', service: 'r.io', scope: 'repository:a:pull,push' },
      },
    ]);
  });
  it('reads several in one line, with spaces, escapes and bare values', () => {
    assert.deepEqual(read('Negotiate, BASIC Realm = "a \\"b\\", c" , charset=UTF-8, bearer realm=x'), [
      { scheme: 'negotiate', parameters: {} },
      { scheme: 'basic', parameters: { realm: 'a "b", c', charset: 'UTF-8' } },
      { scheme: 'bearer', parameters: { realm: 'x' } },
    ]);
  });
  it('ends for any text', () => {
    const piece = fc.constantFrom('Bearer ', 'realm', '=', '"', ',', ' ', '\\', 'x', '__proto__', '\n');
    fc.assert(
      fc.property(
        fc.array(piece).map((parts) => parts.join('')),
        (text) => {
          assert(Array.isArray(parseChallenges(text)));
        },
      ),
    );
  });
});

describe('scopesToRequest', () => {
  it('merges what the challenge adds for our own repository, and nothing for others', () => {
    assert.deepEqual(
      scopesToRequest(['repository:a:pull'], 'repository:a:push,pull repository:victim:pull,push registry:catalog:*'),
      ['repository:a:pull,push'],
    );
    assert.deepEqual(scopesToRequest(['repository:b:pull', 'repository:a:push', 'repository:b:push'], undefined), [
      'repository:a:push',
      'repository:b:pull,push',
    ]);
  });
});
