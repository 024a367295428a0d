/** Flags of HEADERS; of DATA the second. */
export const endHeaders = 0x4;
export const endStream = 0x1;

/** One HTTP/2 frame (RFC 9113, 4.1): 0 is DATA, 1 HEADERS, 4 SETTINGS. */
export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer<ArrayBuffer> {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/**
 * Whether a client that said this much has asked for something: its preface has 24 bytes, frames
 * follow.
 */
export function hasAsked(bytes: Buffer): boolean {
  for (let at = 24; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) if (bytes[at + 3] === 1) return true;
  return false;
}

/**
 * Whether a server that sent this much has ended stream 1: by END_STREAM on HEADERS or DATA, by
 * RST_STREAM, or by GOAWAY.
 */
export function hasEnded(bytes: Buffer): boolean {
  for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
    const [type, flags] = [bytes[at + 3], bytes[at + 4] ?? 0];
    if (type === 3 || type === 7 || ((type === 0 || type === 1) && (flags & endStream) !== 0)) return true;
  }
  return false;
}

/** A header list as literals without indexing (RFC 7541, 6.2.2). */
export function headerList(...lines: readonly [string, string][]): Buffer<ArrayBuffer> {
  const text = (value: string): Buffer<ArrayBuffer> => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
  return Buffer.concat(lines.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}
