import { FairleadError } from '#lib/errors';
import type { Endpoint } from '../../network/hosts/endpoint.ts';
import { refusePlainHttp } from '../../network/plain-http.ts';
import { nameRequest } from '../../network/request-error.ts';
import {
  createTransport,
  defaultRetry,
  defaultTimeouts,
  type HttpResponse,
  type Transport,
} from '../../network/transport.ts';
import type { Credentials } from '../credentials/credentials.ts';
import { registryName } from '../registry-name.ts';
import { type ApiRequest, type ApiResponse, type RemoteOptions, resolveLocation } from './api.ts';
import { Authorizer } from './auth.ts';
import { responseError } from './errors.ts';
import { speaksForRegistry } from './own-domain.ts';
import { querySecrets, sentSecrets } from './sent-secrets.ts';
import { createWarningReporter, type WarningReporter } from './warnings.ts';

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const redirectLimit = 5;
const errorBodyLimit = 16 * 1024;

/** An answer, and the secrets that were sent for it, which must not be shown. */
interface Answer {
  readonly response: HttpResponse;
  readonly secrets: readonly string[];
}

/** The API of one host of a registry, with authentication and redirects. */
export class EndpointClient {
  readonly endpoint: Endpoint;
  readonly #registry: string;
  readonly #transport: Transport;
  readonly #authorizer: Authorizer;
  readonly #warnings: WarningReporter;
  /**
   * What precedes the names of repositories, if the API is below another path, such as that of a
   * proxy (`/v2/hub/`).
   */
  readonly #prefix: string;

  /** `name` is whose content the host serves. */
  constructor(
    endpoint: Endpoint,
    name: { readonly registry: string; readonly repository: string },
    options: RemoteOptions,
  ) {
    const { api } = endpoint;
    this.endpoint = endpoint;
    this.#registry = name.registry;
    this.#transport = openTransport(endpoint, options);
    this.#authorizer = new Authorizer({
      registry: api,
      transport: this.#transport,
      credentials: () => findCredentials(endpoint, name, options.credentials),
      trustedRealms: options.trustedRealms ?? [],
      clock: () => performance.now(),
    });
    this.#warnings = createWarningReporter((text) => options.onWarning?.(text, api.host));
    this.#prefix = /^\/v2\/(.+\/)$/.exec(api.pathname)?.[1] ?? '';
  }

  /** Sends a request. Rejects with what the status of an unexpected answer means. */
  async send(request: ApiRequest): Promise<ApiResponse> {
    const { api } = this.endpoint;
    let url = this.#urlOf(request.to);
    for (let hops = 0; ; hops++) {
      const answer = await this.#sendTo(request, url);
      const { response } = answer;
      if (url.origin === api.origin) this.#warnings(response.header('warning'), answer.secrets);
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
      throw responseError(
        { method: request.method, url },
        response.status,
        await this.#errorBody(request, url, answer),
        {
          challenge: speaksForRegistry(url, api) ? response.header('www-authenticate') : undefined,
          retryAfter: response.header('retry-after'),
          secrets: hops > 0 || request.to instanceof URL ? [...answer.secrets, ...querySecrets(url)] : answer.secrets,
        },
      );
    }
  }

  #urlOf(to: string | URL): URL {
    if (to instanceof URL) return to;
    const url = new URL(to, this.endpoint.api);
    // As containerd tells mirrors which registry is meant.
    if (this.endpoint.mirror) url.searchParams.set('ns', registryName(this.#registry));
    return url;
  }

  /** Sends to one URL, with our credentials if it is of the host itself, and never elsewhere. */
  async #sendTo(request: ApiRequest, url: URL): Promise<Answer> {
    const { api } = this.endpoint;
    refusePlainHttp(url, api, nameRequest({ method: request.method, url }));
    if (url.origin !== api.origin) return this.#attempt(request, url, {}, undefined);
    const { headers } = this.endpoint;
    const scopes = this.#scopesThere(request.scopes);
    const header = await this.#authorizer.header(scopes, request.signal);
    const answer = await this.#attempt(request, url, headers, header);
    const challenge = answer.response.header('www-authenticate');
    if (answer.response.status !== 401 || challenge === undefined) return answer;
    const better = await this.#authorizer.answer(challenge, scopes, header, request.signal);
    if (better === undefined) return answer;
    await answer.response.discard();
    return this.#attempt(request, url, headers, better);
  }

  async #attempt(
    { method, headers, signal, body, once }: ApiRequest,
    url: URL,
    configured: Readonly<Record<string, string>>,
    authorization: string | undefined,
  ): Promise<Answer> {
    const response = await this.#transport.send({
      method,
      url,
      headers: { ...configured, ...headers, ...(authorization === undefined ? {} : { authorization }) },
      signal,
      body,
      once,
    });
    return { response, secrets: sentSecrets(authorization, configured) };
  }

  #scopesThere(scopes: readonly string[]): readonly string[] {
    if (this.#prefix === '') return scopes;
    return scopes.map((scope) => scope.replace(/^repository:/, `repository:${this.#prefix}`));
  }

  /**
   * Reads the start of an error's body. HEAD has none: a refused request is sent once more by GET,
   * but not if the content is absent, nor at a mirror, since another host is asked next.
   */
  async #errorBody(request: ApiRequest, url: URL, { response }: Answer): Promise<string> {
    const { status } = response;
    if (!speaksForRegistry(url, this.endpoint.api)) return '';
    const head = request.method === 'HEAD';
    if (head && (this.endpoint.mirror || status < 400 || status === 404 || status === 429 || status >= 500)) return '';
    try {
      const repeated = head ? (await this.#sendTo({ ...request, method: 'GET', once: true }, url)).response : response;
      if (repeated.status === status) return await repeated.text(errorBodyLimit);
      await repeated.discard();
    } catch (error) {
      // The status is what counts: an error text that breaks off only makes the message shorter.
      if (request.signal?.aborted) throw error;
    }
    return '';
  }
}

function openTransport({ api, tls }: Endpoint, { timeouts, retry, proxy }: RemoteOptions): Transport {
  return createTransport({
    timeouts: { ...defaultTimeouts, ...timeouts },
    retry: { ...defaultRetry, ...retry },
    // Its authorities may also be those of its token service and storage; our certificates are for
    // the host alone.
    connection: (url) => ({
      proxy,
      tls: url.origin === api.origin || tls === undefined ? tls : { ...tls, identities: [], skipVerify: false },
    }),
  });
}

/** Finds the credentials for a host. Those that are given as they are go to no mirror. */
async function findCredentials(
  { mirror, api }: Endpoint,
  name: { readonly registry: string; readonly repository: string },
  credentials: RemoteOptions['credentials'],
): Promise<Credentials | undefined> {
  if (typeof credentials === 'function') return credentials(mirror ? { ...name, registry: api.host } : name);
  return mirror ? undefined : credentials;
}
