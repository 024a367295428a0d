import { FairleadError } from '#lib/errors';
import { apiHost } from '../../network/hosts/docker-hub.ts';
import type { Capability } from '../../network/hosts/endpoint.ts';
import { findEndpoints, plainEndpoint } from '../../network/hosts/find-endpoints.ts';
import { isLoopback } from '../../network/loopback.ts';
import { isDigest } from '../digest.ts';
import { registryNames } from '../registry-name.ts';
import type { ApiRequest, ApiResponse, RegistryClient, RemoteOptions } from './api.ts';
import { EndpointClient } from './endpoint-client.ts';

/** Milliseconds for which a mirror that was out of reach is not asked again. */
const mirrorRest = 30_000;

/**
 * Makes the client of one registry: of its mirrors, in their order, and of the registry itself
 * last. `repository` is what credentials are asked for. Nothing is read or sent yet.
 *
 * It is our own client of the distribution-spec, because the ORAS project has none for JavaScript,
 * and a node needs all of this: content that is verified while it streams, uploads that are
 * resumed, referrers with and without the API, the mirrors and certificates of `certs.d`,
 * credential helpers, and credentials that never follow a redirect or a token service to another
 * owner.
 */
export function createClient(
  name: { readonly registry: string; readonly repository: string },
  options: RemoteOptions = {},
): RegistryClient {
  return new MirroredClient(name, options);
}

class MirroredClient implements RegistryClient {
  readonly origin: URL;
  readonly #name: { readonly registry: string; readonly repository: string };
  readonly #options: RemoteOptions;
  #opening: Promise<EndpointClient[]> | undefined;
  /** Mirrors that were out of reach, and until when they are passed over. */
  readonly #resting = new Map<EndpointClient, number>();

  constructor(name: { readonly registry: string; readonly repository: string }, options: RemoteOptions) {
    const host = apiHost(name.registry);
    const plain = options.plainHttp === true || isLoopback(new URL(`http://${host}`));
    this.origin = new URL(`${plain ? 'http' : 'https'}://${host}`);
    this.#name = name;
    this.#options = options;
  }

  async send(request: ApiRequest): Promise<ApiResponse> {
    this.#opening ??= this.#open().catch((error: unknown) => {
      // Files that are invalid may be fixed while we run.
      this.#opening = undefined;
      throw error;
    });
    const clients = await this.#opening;
    if (request.to instanceof URL) {
      const { origin: asked } = request.to;
      const own = clients.find(({ endpoint }) => endpoint.api.origin === asked) ?? clients.at(-1);
      if (own !== undefined) return own.send(request);
    }
    const need = request.need ?? needOf(request);
    const able = clients.filter(({ endpoint }) => endpoint.capabilities.includes(need));
    if (need === 'push') able.splice(1);
    const awake = able.filter(
      (client, at) => at === able.length - 1 || (this.#resting.get(client) ?? 0) < performance.now(),
    );
    return sendToFirst(awake, request, `${this.#name.registry}: no host is configured for ${need}`, (client) => {
      this.#resting.set(client, performance.now() + mirrorRest);
    });
  }

  async #open(): Promise<EndpointClient[]> {
    const directories = this.#options.certsDirectories ?? [];
    const names = [...new Set([...registryNames(this.#name.registry), this.#name.registry])];
    const endpoints =
      directories.length === 0 ? [plainEndpoint(this.origin)] : await findEndpoints(directories, names, this.origin);
    return endpoints.map((endpoint, at) => {
      // A mirror gets one try: there is another host to ask.
      const once = endpoint.mirror && at < endpoints.length - 1;
      const retry = once ? { ...this.#options.retry, attempts: 1 } : this.#options.retry;
      return new EndpointClient(endpoint, this.#name, { ...this.#options, retry });
    });
  }
}

/**
 * Sends to one host after another until one answers; the answer of the last one is final.
 * `unreachable` is called for hosts that cannot be reached.
 */
async function sendToFirst(
  clients: readonly EndpointClient[],
  request: ApiRequest,
  none: string,
  unreachable: (client: EndpointClient) => void,
): Promise<ApiResponse> {
  for (const [at, client] of clients.entries()) {
    const last = at === clients.length - 1;
    try {
      const response = await client.send(request);
      if (last || response.status < 300) return response;
      await response.discard();
    } catch (error) {
      // A mirror that fails is passed over, for whatever reason: the registry itself decides.
      if (last || request.signal?.aborted || !(error instanceof FairleadError)) throw error;
      if (error.kind === 'Unavailable') unreachable(client);
    }
  }
  throw new FairleadError('InvalidInput', none, { hint: 'See the capabilities in its hosts.toml.' });
}

function needOf({ method, to }: ApiRequest): Capability {
  if (method !== 'GET' && method !== 'HEAD') return 'push';
  return isDigest(String(to).split('/').at(-1) ?? '') && !/\/referrers\//.test(String(to)) ? 'pull' : 'resolve';
}
