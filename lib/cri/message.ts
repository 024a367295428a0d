import { FairleadError } from '#lib/errors';

/**
 * Longest message that is read whole, in bytes: what kubelet and containerd set for CRI (16 MiB).
 */
export const maxMessageBytes = 16 * 1024 * 1024;

const prefixBytes = 5;
/** Room for most requests, in bytes. */
const usualBytes = 16 * 1024;

/**
 * Puts the length prefix before a message (gRPC over HTTP/2, Length-Prefixed-Message),
 * uncompressed.
 */
export function frameMessage(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(prefixBytes + message.length);
  framed.writeUInt8(0, 0);
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, prefixBytes);
  return framed;
}

/**
 * Reads the body of a unary call: exactly one uncompressed message. Throws LimitExceeded above
 * {@link maxMessageBytes}, and InvalidInput for a compressed message, for none and for more than
 * one.
 *
 * @param reserve is called with the length of the message, in bytes, and awaited before more than
 * the first piece is read.
 */
export async function readMessage(
  body: AsyncIterable<Buffer>,
  reserve?: (bytes: number) => Promise<void>,
): Promise<Buffer> {
  // One buffer that grows, not a list of pieces: a message may come byte by byte, and each piece
  // takes many times its bytes.
  let bytes = Buffer.allocUnsafe(usualBytes);
  let received = 0;
  let expected = Number.POSITIVE_INFINITY;
  for await (const chunk of body) {
    const before = received;
    received += chunk.length;
    if (received > expected) throw moreThanOne();
    if (received > bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(received, Math.min(2 * bytes.length, expected)));
      bytes.copy(larger, 0, 0, before);
      bytes = larger;
    }
    chunk.copy(bytes, before);
    if (expected === Number.POSITIVE_INFINITY && received >= prefixBytes) {
      expected = prefixBytes + checkPrefix(bytes);
      if (received > expected) throw moreThanOne();
      await reserve?.(expected);
    }
  }
  if (received !== expected) {
    throw new FairleadError('InvalidInput', `truncated message of a unary call: it ends after ${received} bytes`);
  }
  return bytes.subarray(prefixBytes, received);
}

function moreThanOne(): FairleadError {
  return new FairleadError('InvalidInput', 'unary call with more than one message');
}

function checkPrefix(start: Buffer): number {
  if (start[0] !== 0) {
    throw new FairleadError('InvalidInput', 'compressed message in a call that the shim must read', {
      hint: 'Send this call without compression (grpc-encoding: identity).',
    });
  }
  const length = start.readUInt32BE(1);
  if (length > maxMessageBytes) {
    throw new FairleadError('LimitExceeded', `message of ${length} bytes, want at most ${maxMessageBytes}`);
  }
  return length;
}
