import { FairleadError } from '#lib/errors';
import type { CredentialSource, Credentials } from '../credentials/credentials.ts';
import { createAuthorizer } from './auth.ts';
import { nameRequest, responseError } from './errors.ts';
import { isLoopback, refusePlainHttp } from './plain-http.ts';
import {
  createTransport,
  defaultRetry,
  defaultTimeouts,
  type HttpResponse,
  type Retry,
  type Timeouts,
} from './transport.ts';

/** How a registry is spoken to. Everything has a default. */
export interface RemoteOptions {
  /** Who we are there, or where to find it; anonymous without. */
  readonly credentials?: Credentials | CredentialSource | undefined;
  /** Speak plain HTTP to a registry that is not on this machine. A registry on this machine is spoken to in plain HTTP always. */
  readonly plainHttp?: boolean | undefined;
  /** Hosts of token services that may see the credentials though they are on another domain than the registry. */
  readonly trustedRealms?: readonly string[] | undefined;
  readonly timeouts?: Partial<Timeouts> | undefined;
  readonly retry?: Partial<Retry> | undefined;
}

/** One request to the registry's API. */
export interface ApiRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** A path below `/v2/`, or a URL that the registry gave. */
  readonly to: string | URL;
  /** Token scopes that it needs. */
  readonly scopes: readonly string[];
  /** Statuses that are answers; any other is thrown as an error. */
  readonly expect: readonly number[];
  readonly headers?: Readonly<Record<string, string>>;
  /** The body, or a way to open it, called for each time it is sent. */
  readonly body?: Uint8Array | (() => Promise<AsyncIterable<Uint8Array>>);
  readonly signal?: AbortSignal | undefined;
}

/** An answer, with the URL that gave it after redirects. */
export interface ApiResponse extends HttpResponse {
  readonly url: URL;
}

/** One registry's API, with authentication and redirects. */
export interface RegistryClient {
  /** Where the API is, such as `https://registry-1.docker.io`. */
  readonly origin: URL;
  send(request: ApiRequest): Promise<ApiResponse>;
}

/** The host that serves the API of a registry: Docker Hub's is another than its name. */
const apiHosts: Readonly<Record<string, string>> = {
  'docker.io': 'registry-1.docker.io',
  'index.docker.io': 'registry-1.docker.io',
};

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const redirectLimit = 5;
const errorBodyLimit = 16 * 1024;

/** Makes the client of one registry. `repository` is what credentials are asked for. Nothing is sent yet. */
export function createClient(
  name: { readonly registry: string; readonly repository: string },
  options: RemoteOptions = {},
): RegistryClient {
  const host = apiHosts[name.registry] ?? name.registry;
  const plain = options.plainHttp === true || isLoopback(new URL(`http://${host}`));
  const origin = new URL(`${plain ? 'http' : 'https'}://${host}`);
  const allowedHost = options.plainHttp === true ? origin.host : undefined;
  const transport = createTransport({ ...defaultTimeouts, ...options.timeouts }, { ...defaultRetry, ...options.retry });
  const { credentials } = options;
  const authorizer = createAuthorizer({
    registry: origin,
    transport,
    credentials: async () => (typeof credentials === 'function' ? credentials(name) : credentials),
    trustedRealms: options.trustedRealms ?? [],
    clock: () => performance.now(),
  });

  /** Sends to one URL, with our credentials where it is the registry itself and never elsewhere. */
  const sendTo = async (request: ApiRequest, url: URL): Promise<HttpResponse> => {
    refusePlainHttp(url, allowedHost, nameRequest({ method: request.method, url }));
    const own = url.origin === origin.origin;
    const attempt = async (authorization: string | undefined): Promise<HttpResponse> =>
      transport.send({
        method: request.method,
        url,
        headers: { ...request.headers, ...(authorization === undefined ? {} : { authorization }) },
        signal: request.signal,
        ...(await openBody(request)),
      });
    const header = own ? await authorizer.header(request.scopes, request.signal) : undefined;
    const response = await attempt(header);
    const challenge = response.header('www-authenticate');
    if (response.status !== 401 || !own || challenge === undefined) return response;
    const better = await authorizer.answer(challenge, request.scopes, header, request.signal);
    if (better === undefined) return response;
    await response.discard();
    return attempt(better);
  };

  return {
    origin,
    async send(request) {
      let url = typeof request.to === 'string' ? new URL(`/v2/${request.to}`, origin) : request.to;
      for (let hops = 0; ; hops++) {
        const response = await sendTo(request, url);
        const location = response.header('location');
        if (
          redirects.has(response.status) &&
          location !== undefined &&
          (request.method === 'GET' || request.method === 'HEAD')
        ) {
          await response.discard();
          const name = nameRequest({ method: request.method, url });
          if (hops >= redirectLimit)
            throw new FairleadError('Unavailable', `${name}: more than ${redirectLimit} redirects`);
          url = resolveLocation(location, url, name);
          continue;
        }
        if (request.expect.includes(response.status)) return { ...response, url };
        throw responseError({ method: request.method, url }, response.status, await errorBody(request, response));
      }
    },
  };
}

/** The URL that a Location header names, relative to where it came from. Throws Unavailable where it is none. */
export function resolveLocation(location: string, from: URL, request: string): URL {
  if (!URL.canParse(location, from.href)) {
    throw new FairleadError('Unavailable', `${request}: the registry answered with a Location that is no URL`);
  }
  const url = new URL(location, from);
  url.username = '';
  url.password = '';
  return url;
}

async function openBody(
  request: ApiRequest,
): Promise<{ body?: Uint8Array | AsyncIterable<Uint8Array>; once?: boolean }> {
  if (request.body === undefined) return {};
  if (request.body instanceof Uint8Array) return { body: request.body };
  return { body: await request.body(), once: true };
}

async function errorBody(request: ApiRequest, response: HttpResponse): Promise<string> {
  if (request.method === 'HEAD') return '';
  try {
    return await response.text(errorBodyLimit);
  } catch (error) {
    // The status is the news; an error text that breaks off only makes it terser.
    if (request.signal?.aborted) throw error;
    return '';
  }
}

/** Reads an answer's body whole. Rejects with LimitExceeded as soon as it has more than `limit` bytes. */
export async function readBody(response: ApiResponse, request: { method: string }, limit: number): Promise<Uint8Array> {
  const name = nameRequest({ method: request.method, url: response.url });
  const tooLong = (): FairleadError =>
    new FairleadError('LimitExceeded', `${name}: the answer has more than the ${limit} bytes allowed`);
  const declared = Number(response.header('content-length') ?? 0);
  if (declared > limit) {
    await response.discard();
    throw tooLong();
  }
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of response.body) {
    length += piece.length;
    if (length > limit) throw tooLong();
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
