import { FairleadError } from '#lib/errors';
import type { Endpoint } from '../../network/hosts/endpoint.ts';
import { refusePlainHttp } from '../../network/plain-http.ts';
import { nameRequest } from '../../network/request-error.ts';
import { createTransport, defaultRetry, defaultTimeouts, type HttpResponse } from '../../network/transport.ts';
import { registryName } from '../registry-name.ts';
import { type ApiRequest, type ApiResponse, type RemoteOptions, resolveLocation } from './api.ts';
import { createAuthorizer } from './auth.ts';
import { responseError } from './errors.ts';
import { speaksForRegistry } from './own-domain.ts';
import { querySecrets, sentSecrets } from './sent-secrets.ts';
import { createWarningTeller } from './warnings.ts';

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const redirectLimit = 5;
const errorBodyLimit = 16 * 1024;

/** An answer, and what was sent for it that must not be shown. */
interface Answer {
  readonly response: HttpResponse;
  readonly secrets: readonly string[];
}

/** The API of one host. */
export interface EndpointClient {
  readonly endpoint: Endpoint;
  send(request: ApiRequest): Promise<ApiResponse>;
}

/**
 * Makes the client of one host of a registry, with authentication and redirects. `name` is whose
 * content it serves.
 */
export function createEndpointClient(
  endpoint: Endpoint,
  name: { readonly registry: string; readonly repository: string },
  options: RemoteOptions,
): EndpointClient {
  const { api, tls } = endpoint;
  const transport = createTransport({
    timeouts: { ...defaultTimeouts, ...options.timeouts },
    retry: { ...defaultRetry, ...options.retry },
    // Its authorities may stand behind its token service and storage too; who we are is for the
    // host alone.
    connection: (url) => ({
      proxy: options.proxy,
      tls: url.origin === api.origin || tls === undefined ? tls : { ...tls, identities: [], skipVerify: false },
    }),
  });
  const { credentials } = options;
  const authorizer = createAuthorizer({
    registry: api,
    transport,
    credentials: async () => {
      if (typeof credentials === 'function')
        return credentials(endpoint.mirror ? { ...name, registry: api.host } : name);
      return endpoint.mirror ? undefined : credentials;
    },
    trustedRealms: options.trustedRealms ?? [],
    clock: () => performance.now(),
  });

  /**
   * Where the API lies below a path, as of a proxy among repositories (`/v2/hub/`), names of
   * repositories begin with it there.
   */
  const below = /^\/v2\/(.+\/)$/.exec(api.pathname)?.[1] ?? '';
  const scopesThere = (scopes: readonly string[]): readonly string[] =>
    below === '' ? scopes : scopes.map((scope) => scope.replace(/^repository:/, `repository:${below}`));

  const tellWarnings = createWarningTeller((text) => options.onWarning?.(text, api.host));

  /** Sends to one URL, with our credentials where it is the host itself and never elsewhere. */
  const sendTo = async (request: ApiRequest, url: URL): Promise<Answer> => {
    refusePlainHttp(url, api, nameRequest({ method: request.method, url }));
    const own = url.origin === api.origin;
    const attempt = async (authorization: string | undefined): Promise<Answer> => {
      const response = await transport.send({
        method: request.method,
        url,
        headers: {
          ...(own ? endpoint.headers : {}),
          ...request.headers,
          ...(authorization === undefined ? {} : { authorization }),
        },
        signal: request.signal,
        body: request.body,
        once: request.once,
      });
      return { response, secrets: sentSecrets(authorization, own ? endpoint.headers : {}) };
    };
    const scopes = scopesThere(request.scopes);
    const header = own ? await authorizer.header(scopes, request.signal) : undefined;
    const answer = await attempt(header);
    const challenge = answer.response.header('www-authenticate');
    if (answer.response.status !== 401 || !own || challenge === undefined) return answer;
    const better = await authorizer.answer(challenge, scopes, header, request.signal);
    if (better === undefined) return answer;
    await answer.response.discard();
    return attempt(better);
  };

  /**
   * The start of an error's body. HEAD has none: what is refused is asked for once more by GET; not
   * what is not there, nor a mirror, since another host is asked next.
   */
  const errorBody = async (request: ApiRequest, url: URL, { response }: Answer): Promise<string> => {
    const { status } = response;
    if (!speaksForRegistry(url, api)) return '';
    const head = request.method === 'HEAD';
    if (head && (endpoint.mirror || status < 400 || status === 404 || status === 429 || status >= 500)) return '';
    try {
      const told = head ? (await sendTo({ ...request, method: 'GET', once: true }, url)).response : response;
      if (told.status === status) return await told.text(errorBodyLimit);
      await told.discard();
    } catch (error) {
      // The status is the news; an error text that breaks off only makes it terser.
      if (request.signal?.aborted) throw error;
    }
    return '';
  };

  const urlOf = (to: string | URL): URL => {
    if (to instanceof URL) return to;
    const url = new URL(to, api);
    // As containerd tells a mirror whose content is wanted.
    if (endpoint.mirror) url.searchParams.set('ns', registryName(name.registry));
    return url;
  };

  return {
    endpoint,
    async send(request) {
      let url = urlOf(request.to);
      for (let hops = 0; ; hops++) {
        const answer = await sendTo(request, url);
        const { response } = answer;
        if (url.origin === api.origin) tellWarnings(response.header('warning'));
        const location = response.header('location');
        const reading = request.method === 'GET' || request.method === 'HEAD';
        const answered = request.expect.includes(response.status);
        if (reading && !answered && redirects.has(response.status) && location !== undefined) {
          await response.discard();
          const from = nameRequest({ method: request.method, url });
          if (hops >= redirectLimit)
            throw new FairleadError('Unavailable', `${from}: more than ${redirectLimit} redirects`);
          url = resolveLocation(location, url, from);
          continue;
        }
        if (answered) return { ...response, url };
        throw responseError({ method: request.method, url }, response.status, await errorBody(request, url, answer), {
          challenge: speaksForRegistry(url, api) ? response.header('www-authenticate') : undefined,
          retryAfter: response.header('retry-after'),
          secrets: hops > 0 || request.to instanceof URL ? [...answer.secrets, ...querySecrets(url)] : answer.secrets,
        });
      }
    },
  };
}
