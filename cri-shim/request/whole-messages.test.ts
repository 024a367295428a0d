import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { tryRequest, tryStatus } from '#test/support/cri/whole-messages';

/** The choices of one message; those after the last are 0. */
const choices = fc.uint8Array({ maxLength: 500, size: 'max' });

function randomOf(bytes: Uint8Array): (below: number) => number {
  let at = 0;
  return (below) => (bytes[at++] ?? 0) % below;
}

describe('the shim reads whole messages as the runtime does', () => {
  for (const form of ['well-formed', 'malformed']) {
    it(`requests that are ${form}`, async () => {
      const outcomes = { refused: 0, unchanged: 0, changed: 0 };
      const property = fc.asyncProperty(choices, (bytes) =>
        tryRequest(randomOf(bytes), form === 'malformed', outcomes),
      );
      await fc.assert(property, { numRuns: 1_000 });
      assert.ok(Math.min(...Object.values(outcomes)) > 50, JSON.stringify(outcomes));
    });
  }

  it('the answer to Status', () => {
    fc.assert(
      fc.property(choices, (bytes) => tryStatus(randomOf(bytes))),
      { numRuns: 500 },
    );
  });
});
