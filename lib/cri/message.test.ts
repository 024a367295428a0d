import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { frameMessage, maxMessageBytes, readMessage } from './message.ts';

/** Splits bytes into pieces, each in memory of its own, as the frames of a connection are. */
async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield Buffer.from(bytes.subarray(at, at + size));
}

describe('message', () => {
  it('is the same in whatever pieces it comes', async () => {
    const message = Buffer.from(Array.from({ length: 70_000 }, (_, at) => at % 251));
    for (const size of [1, 2, 4, 5, 6, 1000, 16_384, 70_004, 70_005]) {
      assert.ok(message.equals(await readMessage(inPieces(frameMessage(message), size))), String(size));
    }
    assert.equal((await readMessage(inPieces(frameMessage(Buffer.alloc(0)), 2))).length, 0);
    const large = Buffer.alloc(maxMessageBytes, 7);
    assert.ok(large.equals(await readMessage(inPieces(frameMessage(large), 65_536))));
  });

  it('is refused where it is followed by anything, wherever the pieces end', async () => {
    const two = Buffer.concat([frameMessage(Buffer.alloc(10)), Buffer.alloc(1)]);
    for (const size of [1, 3, 5, 15, 16]) {
      await assert.rejects(readMessage(inPieces(two, size)), { kind: 'InvalidInput', message: /more than one/ });
    }
    await assert.rejects(readMessage(inPieces(two.subarray(0, 14), 1)), {
      kind: 'InvalidInput',
      message: /truncated message/,
    });
  });

  it('takes little more memory than its bytes, also byte by byte', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const length = 300_000;
    let most = 0;
    async function* byteByByte(): AsyncGenerator<Buffer> {
      yield frameMessage(Buffer.alloc(length)).subarray(0, 5);
      const before = process.memoryUsage().heapUsed;
      for (let at = 0; at < length; at++) {
        yield Buffer.from([1]);
        if (at % 50_000 === 0) {
          collect();
          most = Math.max(most, process.memoryUsage().heapUsed - before);
        }
      }
    }
    assert.equal((await readMessage(byteByByte())).length, length);
    assert.ok(most < 5_000_000, `${most} bytes`);
  });
});
