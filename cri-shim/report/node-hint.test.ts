import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import { forNode } from './node-hint.ts';

describe('forNode', () => {
  it('names what is set on a node or in a pod, and keeps the rest of the error', () => {
    const hint = 'It does not speak TLS. If it is a plain HTTP registry that you trust, set `plainHttp`.';
    const error = new FairleadError('Unavailable', 'no TLS', { hint, local: true, details: ['a'], pointer: '/b' });
    const shown = forNode(error);
    assert.equal(
      shown.hint,
      'It does not speak TLS. If it is a plain HTTP registry that you trust, set the server http://… in its hosts.toml.',
    );
    const { kind, message, local, pointer, cause } = shown;
    assert.deepEqual([kind, message, local, pointer], ['Unavailable', 'no TLS\n  a', true, '/b']);
    assert.equal(cause, error);
  });

  it('returns the same error if its hint names no option', () => {
    for (const error of [
      new FairleadError('NotFound', 'a'),
      new FairleadError('NotFound', 'a', { hint: 'Run `crane`.' }),
    ])
      assert.equal(forNode(error), error);
  });
});
