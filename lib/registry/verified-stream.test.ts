import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FairleadError } from '#lib/errors';
import { digestOf } from './digest.ts';
import { fetchBytes } from './fetch-bytes.ts';
import { verifiedStream } from './verified-stream.ts';

const bytes = new TextEncoder().encode('what the digest names');
const descriptor = { mediaType: 'application/octet-stream', digest: digestOf(bytes), size: bytes.length };

async function* chunks(content: Uint8Array, size: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < content.length; at += size) yield content.subarray(at, at + size);
}

async function read(
  source: AsyncIterable<Uint8Array>,
  of = descriptor,
): Promise<{ got: Uint8Array; error?: FairleadError }> {
  const pieces: Uint8Array[] = [];
  try {
    for await (const piece of verifiedStream(source, of, 'test')) pieces.push(piece);
  } catch (error) {
    assert(error instanceof FairleadError, String(error));
    return { got: Buffer.concat(pieces), error };
  }
  return { got: Buffer.concat(pieces) };
}

describe('verifiedStream', () => {
  it('passes right content in any chunking', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 1, max: 50 }), async (content, size) => {
        const of = { mediaType: 'a/b', digest: digestOf(content, 'sha512'), size: content.length };
        const { got, error } = await read(chunks(content, size), of);
        assert.equal(error, undefined);
        assert.deepEqual(Buffer.from(got), Buffer.from(content));
      }),
    );
  });

  it('never delivers the last byte of content with one bit changed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length * 8 - 1), fc.integer({ min: 1, max: 30 }), async (bit, size) => {
        const changed = bytes.slice();
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const { got, error } = await read(chunks(changed, size));
        assert.equal(error?.kind, 'Conflict');
        assert(got.length < bytes.length);
      }),
    );
  });

  it('distinguishes content with too large a size in its descriptor from content that was cut off', async () => {
    const longer = { ...descriptor, size: bytes.length + 1 };
    assert.equal((await read(chunks(bytes, 5), longer)).error?.kind, 'InvalidInput');
    assert.equal((await read(chunks(bytes.subarray(1), 5), longer)).error?.kind, 'Unavailable');
  });

  it('ends endless content as soon as it is too long', async () => {
    let sent = 0;
    async function* endless(): AsyncGenerator<Uint8Array, void, undefined> {
      for (;;) {
        sent += 10;
        yield new Uint8Array(10);
      }
    }
    const { error } = await read(endless());
    assert.equal(error?.kind, 'LimitExceeded');
    assert.equal(sent, 30);
  });

  it('reports that shorter content was cut off', async () => {
    const { got, error } = await read(chunks(bytes.subarray(0, -1), 7));
    assert.equal(error?.kind, 'Unavailable');
    assert.match(error?.message ?? '', /ended after 20 of 21 bytes/);
    assert(got.length < bytes.length - 1);
  });
});

describe('fetchBytes', () => {
  it('requests nothing if the descriptor is over the limit', async () => {
    let asked = false;
    const fetcher = {
      async fetch() {
        asked = true;
        return chunks(bytes, 5);
      },
    };
    await assert.rejects(fetchBytes(fetcher, descriptor, { limit: 20 }), { kind: 'LimitExceeded' });
    assert.equal(asked, false);
    assert.deepEqual(await fetchBytes(fetcher, descriptor, { limit: 21 }), bytes);
  });

  it('checks content of a fetcher that does not', async () => {
    const fetcher = {
      fetch: async () =>
        chunks(
          bytes.map((byte) => byte ^ 1),
          5,
        ),
    };
    await assert.rejects(fetchBytes(fetcher, descriptor, { limit: 100 }), { kind: 'Conflict' });
  });
});
