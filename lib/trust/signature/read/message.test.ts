import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readMessage, wholeMessage } from './message.ts';

const bytes = Buffer.from('the bytes of a message');
const pair = generateKeyPairSync('ec', { namedCurve: 'P-384' });
const other = generateKeyPairSync('ec', { namedCurve: 'P-384' });

async function* streamed(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}

describe('a message that is read in pieces', () => {
  it('is the same as in memory, however it is cut', async () => {
    const whole = wholeMessage(bytes);
    const cuts = fc.array(fc.nat({ max: bytes.length }), { maxLength: 5 });
    const signature = sign('sha384', bytes, pair.privateKey);
    await fc.assert(
      fc.asyncProperty(cuts, async (at) => {
        const ends = [...at, bytes.length].sort((a, b) => a - b);
        const pieces = ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
        const message = await readMessage(streamed(pieces), { key: pair.publicKey, hash: 'sha512' });
        assert.equal(message.size, whole.size);
        for (const hash of ['sha256', 'sha512'] as const) assert.deepEqual(message.digest(hash), whole.digest(hash));
        assert.equal(message.isSignedWith(pair.publicKey, signature), true);
      }),
      { numRuns: 30 },
    );
  });

  it('is signed with the key that it was read for, and with no other', async () => {
    const foreign = sign('sha256', bytes, other.privateKey);
    const message = await readMessage(streamed([bytes]), { key: pair.publicKey });
    assert.equal(message.isSignedWith(other.publicKey, foreign), false);
    assert.equal(message.isSignedWith(pair.publicKey, foreign), false);
    // Its bytes are gone.
    assert.throws(() => message.isSignedWith(pair.publicKey, sign('sha256', bytes, pair.privateKey)), {
      kind: 'Internal',
    });
    const unkeyed = await readMessage(streamed([bytes]), {});
    assert.equal(unkeyed.isSignedWith(pair.publicKey, sign('sha256', bytes, pair.privateKey)), false);
    assert.deepEqual(unkeyed.digest('sha256'), createHash('sha256').update(bytes).digest());
    assert.throws(() => unkeyed.digest('sha512'), { kind: 'Internal' });
  });
});
