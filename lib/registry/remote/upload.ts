import { FairleadError } from '#lib/errors';
import { pause } from '../../network/transport.ts';
import { contentBytes, openContent } from '../content.ts';
import { sendChunks } from './upload-chunks.ts';
import {
  beginUpload,
  readSession,
  type Upload,
  type UploadSession,
  uploadScopes,
  withDigest,
} from './upload-session.ts';

/** How often an upload is begun at most, if its connection breaks. */
const attempts = 4;
/**
 * Most bytes of a blob that is read into memory, so that it is sent in one write and its source is
 * read once.
 */
const smallLimit = 1024 * 1024;

/**
 * Uploads a blob in the upload that was begun for it, in one request if possible
 * (distribution-spec, "POST then PUT"), which every registry supports. If the connection breaks,
 * the rest is sent in chunks if the registry kept the beginning; otherwise another upload is begun.
 * If a proxy refuses a body of that size (413), all of it is sent in chunks. Resolves when the
 * registry has the blob.
 */
export async function uploadBlob(asked: Upload, begun: UploadSession): Promise<void> {
  const upload = await withBytes(asked);
  for (let attempt = 1; ; attempt++) {
    const session = attempt === 1 ? begun : await beginUpload(upload);
    try {
      await putWhole(upload, session);
      return;
    } catch (error) {
      if (!(error instanceof FairleadError)) throw error;
      if (error.kind === 'LimitExceeded') {
        await sendChunks(upload, await beginUpload(upload));
        return;
      }
      if (error.kind !== 'Unavailable') throw error;
      const kept = await readSession(upload, session);
      if (kept !== undefined && (await finished(sendChunks(upload, kept)))) return;
      if (attempt >= attempts) throw error;
    }
    await pause(100 * 2 ** attempt * (0.75 + Math.random() / 2), upload.options.signal);
  }
}

/**
 * Reports whether the upload succeeded; false if the registry is unreachable or has lost what it
 * had.
 */
async function finished(sending: Promise<void>): Promise<boolean> {
  try {
    await sending;
    return true;
  } catch (error) {
    if (error instanceof FairleadError && error.kind === 'Unavailable') return false;
    throw error;
  }
}

/** Returns the same upload with small content in memory, verified. */
async function withBytes(upload: Upload): Promise<Upload> {
  const { client, descriptor, content, repository } = upload;
  if (content instanceof Uint8Array || descriptor.size > smallLimit) return upload;
  return { ...upload, content: await contentBytes(descriptor, content, `${client.origin.host}/${repository}`) };
}

async function putWhole(upload: Upload, session: UploadSession): Promise<void> {
  const { client, descriptor, content, repository } = upload;
  const response = await client.send({
    method: 'PUT',
    to: withDigest(session.location, descriptor),
    scopes: uploadScopes(upload),
    expect: [201],
    headers: { 'content-type': 'application/octet-stream', 'content-length': String(descriptor.size) },
    body:
      content instanceof Uint8Array
        ? content
        : () => openContent(descriptor, content, `${client.origin.host}/${repository}`),
    // The registry may have kept a part of it: it is asked before anything is sent again.
    once: true,
    signal: upload.options.signal,
  });
  await response.discard();
}
