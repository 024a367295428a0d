import { FairleadError } from '#lib/errors';
import { openContent } from '../content.ts';
import {
  nextLocation,
  readSession,
  type Upload,
  type UploadSession,
  uploadScopes,
  withDigest,
} from './upload-session.ts';

/** Bytes of a chunk; one is held in memory, to send it again. */
const chunkSize = 8 * 1024 * 1024;
/** The largest chunk that a registry may require. */
const longestChunk = 64 * 1024 * 1024;
/** How often one upload is resumed after its connection broke. */
const resumes = 10;

/**
 * Sends the part of a blob that a registry does not have, in chunks (distribution-spec, "Pushing a
 * blob in chunks"), and ends the upload. If the connection breaks, the registry is asked for what
 * it has, and the rest of the chunk is sent. Rejects with Unavailable if the registry has lost what
 * it had before the chunk, which is not in memory any more: the upload must then begin again.
 */
export async function sendChunks(upload: Upload, begun: UploadSession): Promise<void> {
  const { client, descriptor, content, options } = upload;
  if (begun.chunkMinimum > longestChunk) {
    throw new FairleadError(
      'LimitExceeded',
      `${client.origin.host}: requires chunks of ${begun.chunkMinimum} bytes, more than the ${longestChunk} allowed`,
    );
  }
  const source = await openContent(descriptor, content, `${client.origin.host}/${upload.repository}`);
  const chunks = cut(source, begun.received, Math.max(chunkSize, begun.chunkMinimum));
  let session = begun;
  let resumed = 0;

  /**
   * Repeats a request of the upload until the registry has everything before `end`; returns where
   * to continue.
   */
  const untilReceived = async (end: number, send: () => Promise<UploadSession>): Promise<UploadSession> => {
    for (;;) {
      try {
        return await send();
      } catch (error) {
        if (!(error instanceof FairleadError) || error.kind !== 'Unavailable' || ++resumed > resumes) throw error;
        const kept = await readSession(upload, session);
        if (kept === undefined) throw error;
        session = kept;
        if (kept.received >= end) return kept;
      }
    }
  };

  let start = begun.received;
  for await (const chunk of chunks) {
    const end = start + chunk.length;
    const chunkStart = start;
    session = await untilReceived(end, () => patch(upload, session, chunk, chunkStart));
    start = end;
  }
  const response = await client.send({
    method: 'PUT',
    to: withDigest(session.location, descriptor),
    scopes: uploadScopes(upload),
    expect: [201],
    headers: { 'content-length': '0' },
    signal: options.signal,
  });
  await response.discard();
}

/**
 * Sends the part of one chunk that the registry does not have. The chunk begins at `chunkStart` of
 * the blob.
 */
async function patch(
  upload: Upload,
  session: UploadSession,
  chunk: Uint8Array,
  chunkStart: number,
): Promise<UploadSession> {
  const { client, descriptor, options } = upload;
  if (session.received < chunkStart || session.received > descriptor.size) {
    throw new FairleadError(
      'Unavailable',
      `${client.origin.host}: has ${session.received} bytes of ${descriptor.digest}, but ${chunkStart} were sent`,
    );
  }
  const rest = chunk.subarray(session.received - chunkStart);
  const response = await client.send({
    method: 'PATCH',
    to: session.location,
    scopes: uploadScopes(upload),
    expect: [202],
    headers: {
      'content-type': 'application/octet-stream',
      'content-length': String(rest.length),
      'content-range': `${session.received}-${session.received + rest.length - 1}`,
    },
    body: rest,
    // The registry may have kept a part of it: it is asked before anything is sent again.
    once: true,
    signal: options.signal,
  });
  await response.discard();
  return { ...session, location: nextLocation(response), received: session.received + rest.length };
}

/** Splits a stream, after `skip` bytes, into chunks of one size; the last one may be shorter. */
async function* cut(
  source: AsyncIterable<Uint8Array>,
  skip: number,
  size: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let held: Uint8Array[] = [];
  let length = 0;
  let toSkip = skip;
  for await (const piece of source) {
    let rest = piece.subarray(Math.min(toSkip, piece.length));
    toSkip -= piece.length - rest.length;
    while (length + rest.length >= size) {
      const taken = rest.subarray(0, size - length);
      yield Buffer.concat([...held, taken]);
      rest = rest.subarray(taken.length);
      held = [];
      length = 0;
    }
    held.push(rest);
    length += rest.length;
  }
  if (length > 0) yield Buffer.concat(held);
}
