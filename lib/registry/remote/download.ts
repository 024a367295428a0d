import { FairleadError } from '#lib/errors';
import { nameRequest } from '../../network/request-error.ts';
import type { Descriptor } from '../descriptor.ts';
import { verifiedStream } from '../verified-stream.ts';
import type { ApiRequest, ApiResponse, RegistryClient } from './api.ts';

/** How often a download is resumed after its connection broke. */
const resumes = 4;

/**
 * Downloads content, and verifies it against its descriptor while it streams. If the connection
 * breaks, the rest is requested by range (RFC 9110, 14.2); if a server then sends everything again,
 * the known part is skipped. Rejects as {@link verifiedStream} and the client do, and with
 * LimitExceeded at once if the answer announces more than the descriptor specifies.
 */
export async function download(
  client: RegistryClient,
  request: ApiRequest,
  descriptor: Descriptor,
): Promise<AsyncIterable<Uint8Array>> {
  const first = await client.send(request);
  const name = nameRequest({ method: request.method, url: first.url });
  const declared = Number(first.header('content-length') ?? descriptor.size);
  if (declared > descriptor.size) {
    await first.discard();
    throw new FairleadError(
      'LimitExceeded',
      `${name}: ${declared} bytes announced, but its descriptor specifies ${descriptor.size}`,
    );
  }
  return verifiedStream(resumingBody(client, request, descriptor, first), descriptor, name);
}

async function* resumingBody(
  client: RegistryClient,
  request: ApiRequest,
  descriptor: Descriptor,
  first: ApiResponse,
): AsyncGenerator<Uint8Array, void, undefined> {
  let received = 0;
  let response = first;
  let skip = 0;
  for (let attempt = 0; ; attempt++) {
    try {
      for await (const piece of response.body) {
        const fresh = piece.subarray(Math.min(skip, piece.length));
        skip -= piece.length - fresh.length;
        received += fresh.length;
        if (fresh.length > 0) yield fresh;
      }
      return;
    } catch (error) {
      const passing = error instanceof FairleadError && error.kind === 'Unavailable';
      if (!passing || attempt >= resumes || received >= descriptor.size) throw error;
    }
    response = await client.send({
      ...request,
      expect: [200, 206],
      headers: { ...request.headers, range: `bytes=${received}-` },
    });
    const start = /^bytes ([0-9]+)-/.exec(response.header('content-range') ?? '')?.[1];
    skip = response.status === 206 && Number(start) === received ? 0 : received;
    if (response.status === 206 && skip > 0) {
      await response.discard();
      throw new FairleadError(
        'Unavailable',
        `${nameRequest({ method: 'GET', url: response.url })}: another range than requested`,
      );
    }
  }
}
