import { FairleadError } from '#lib/errors';
import type { NetworkOptions } from './network-options.ts';

/** A request to a service of Sigstore, an OIDC issuer or a CI system. */
export interface ServiceRequest {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

export interface ServiceAnswer {
  readonly status: number;
  readonly location?: string | undefined;
  readonly body: Buffer;
}

/** Sends a request and reads the whole answer, whatever its status. Follows no redirect. */
export type AskService = (request: ServiceRequest) => Promise<ServiceAnswer>;

/**
 * Most bytes of an answer. A log entry has some kilobytes; the metadata of a TUF repository is the
 * largest.
 */
const maxAnswerBytes = 8 * 1024 * 1024;

/**
 * Milliseconds for a request with all of its repetitions: a service that sends a byte now and then
 * delays no caller for longer.
 */
const longest = 60_000;

/**
 * Returns a client for services. Requests are repeated as for registries (see createTransport),
 * since these services accept the same request twice. `total` is the longest duration of a request
 * with all of its repetitions, in milliseconds. The client rejects with Unavailable if there is no
 * answer, with LimitExceeded if the answer is too large, and with InvalidInput if a `certs.d`
 * directory is invalid. The HTTP client is loaded with the first request.
 */
export function serviceClient({
  total = longest,
  ...options
}: NetworkOptions & { readonly total?: number } = {}): AskService {
  return async ({ method, url: text, headers = {}, body }) => {
    const url = new URL(text);
    const { send, readBody } = await open(url, options);
    const content = typeof body === 'string' ? Buffer.from(body) : body;
    const signal = AbortSignal.timeout(total);
    try {
      const response = await send({
        method,
        url,
        headers,
        signal,
        ...(content === undefined ? {} : { body: content }),
      });
      const read = await readBody({ ...response, url }, { method }, maxAnswerBytes);
      return { status: response.status, location: response.header('location'), body: Buffer.from(read) };
    } catch (error) {
      if (error !== signal.reason) throw error;
      throw new FairleadError('Unavailable', `${url.origin} has not answered within ${total / 1000} s`, {
        cause: error,
      });
    }
  };
}

/** Loads the HTTP client, and finds which certificates to trust and to show at a URL. */
async function open(url: URL, { proxy, certsDirectories = [], timeouts, retry }: NetworkOptions) {
  const [{ createTransport, defaultRetry, defaultTimeouts }, { findEndpoints }, { readBody }] = await Promise.all([
    import('./transport.ts'),
    import('./hosts/find-endpoints.ts'),
    import('./read-body.ts'),
  ]);
  // Mirrors are for registries; the certificates are for the host, whatever it serves.
  const found = url.protocol === 'https:' ? await findEndpoints(certsDirectories, [url.host], url) : [];
  const tls = found.find(({ api }) => api.origin === url.origin)?.tls;
  const transport = createTransport({
    timeouts: { ...defaultTimeouts, ...timeouts },
    retry: { ...defaultRetry, ...retry },
    connection: () => ({ proxy, tls }),
  });
  return { send: transport.send, readBody };
}
