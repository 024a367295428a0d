import { FairleadError } from '#lib/errors';
import type { NetworkOptions } from './network-options.ts';

/** One request to a service: Sigstore's, an OIDC issuer, a CI system. */
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

/** Sends a request and reads the whole answer, of whatever status. No redirect is followed. */
export type AskService = (request: ServiceRequest) => Promise<ServiceAnswer>;

/**
 * Bytes of an answer. A log entry has some kilobytes; the metadata of a TUF repository has the
 * most.
 */
const maxAnswerBytes = 8 * 1024 * 1024;

/**
 * Milliseconds for a request with all of its repetitions: who sends a byte now and then holds
 * nobody up.
 */
const longest = 60_000;

/**
 * A client for services. What is asked is repeated as for registries (see createTransport): their
 * services take the same request twice. `total` is the longest that a request may take with all of
 * its repetitions, in milliseconds. Rejects with Unavailable where there is no answer, with
 * LimitExceeded where there is too much of it, and with InvalidInput where a `certs.d` folder is at
 * fault. The HTTP client is loaded with the first request.
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

/** Loads what sends requests, and looks up whom to trust at a URL's host, and who to be there. */
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
