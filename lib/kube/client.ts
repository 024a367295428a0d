import type { IncomingMessage } from 'node:http';
import { Agent, type RequestOptions, request as startRequest } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { type ErrorKind, FairleadError } from '#lib/errors';
import { quote } from '../text/quote.ts';
import { readAnswer, readLines } from './answer.ts';
import type { ApiRequest, ApiServer } from './api-server.ts';

export interface KubeClientOptions {
  /** Path of a kubeconfig; by default, the ServiceAccount of the pod that we run in. */
  readonly kubeconfig?: string | undefined;
  /** Milliseconds in which an answer to `get`, or the beginning of one to `watch`, must arrive. */
  readonly answerWithin: number;
  /** What to do about an answer, by its status. */
  readonly hints?: Readonly<Record<number, string>>;
}

const kindOfStatus: Readonly<Record<number, ErrorKind>> = {
  401: 'Unauthenticated',
  403: 'NotAllowed',
  404: 'NotFound',
};
/** Characters of the API server's own message that are quoted. */
const mostQuoted = 300;

/** A client of the API server that a kubeconfig names. */
export class KubeClient implements ApiServer {
  readonly #config: KubeConfig;
  readonly #server: string;
  readonly #options: KubeClientOptions;
  // The agent of the library knows proxies, but does not keep connections, which an admission
  // should not wait for.
  readonly #agent: Agent | undefined;

  private constructor(config: KubeConfig, options: KubeClientOptions) {
    const cluster = config.getCurrentCluster();
    if (cluster === null) {
      const file = options.kubeconfig ?? 'the ServiceAccount';
      throw new FairleadError('InvalidInput', `${file}: its current context names no cluster`);
    }
    this.#config = config;
    this.#options = options;
    this.#server = cluster.server.replace(/\/+$/, '');
    this.#agent = cluster.proxyUrl === undefined ? new Agent({ keepAlive: true, maxSockets: 256 }) : undefined;
  }

  /** Opens the API server. Throws InvalidInput if the kubeconfig cannot be used. */
  static async open(options: KubeClientOptions): Promise<KubeClient> {
    // Loaded only if somebody asks for a cluster: from its own files, the library takes half a
    // second and 80 MiB.
    const { loadKubeConfig } = await import('./kube-config.ts');
    return new KubeClient(loadKubeConfig(options.kubeconfig), options);
  }

  async get(request: ApiRequest): Promise<string> {
    const signal = AbortSignal.timeout(this.#options.answerWithin);
    try {
      return await readAnswer(await this.#send(request, signal), request.size);
    } catch (thrown) {
      // An answer that breaks off here reports only that it was aborted.
      throw this.#failure(request, signal.aborted ? signal.reason : thrown);
    }
  }

  async watch(request: ApiRequest, onLine: (line: string) => void, signal: AbortSignal): Promise<void> {
    // The answer goes on; only its beginning has to come soon.
    const late = new AbortController();
    const timer = setTimeout(
      () => late.abort(new DOMException('too late', 'TimeoutError')),
      this.#options.answerWithin,
    );
    try {
      const response = await this.#send(request, AbortSignal.any([signal, late.signal]));
      clearTimeout(timer);
      await readLines(response, onLine);
    } catch (thrown) {
      throw this.#failure(request, thrown);
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#agent?.destroy();
  }

  /** Sends a GET and returns the answer if its status is 200, with the body still to be read. */
  async #send({ path, accept = 'application/json' }: ApiRequest, signal: AbortSignal): Promise<IncomingMessage> {
    // The library reads tokens that rotate, runs credential plugins and sets up TLS.
    const options: RequestOptions = {};
    await this.#config.applyToHTTPSOptions(options);
    if (this.#agent !== undefined) options.agent = this.#agent;
    options.headers = { ...options.headers, accept };
    options.signal = signal;
    const url = new URL(`${this.#server}${path}`);
    try {
      return await this.#respond(url, options);
    } catch (thrown) {
      // A kept connection may have been closed by the other side just before; a second one is
      // opened for this request.
      if (!isConnectionReset(thrown)) throw thrown;
      return await this.#respond(url, { ...options, agent: this.#agent === undefined ? options.agent : false });
    }
  }

  async #respond(url: URL, options: RequestOptions): Promise<IncomingMessage> {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      startRequest(url, options, resolve).on('error', reject).end();
    });
    const status = response.statusCode ?? 0;
    if (status === 200) return response;
    const answered = `${url.host} answers ${status}: ${quote(await readAnswer(response), mostQuoted)}`;
    const hint = this.#options.hints?.[status];
    throw new FairleadError(kindOfStatus[status] ?? 'Unavailable', answered, hint === undefined ? {} : { hint });
  }

  /** Returns the error of a request, with what was tried. */
  #failure({ title }: ApiRequest, cause: unknown): FairleadError {
    const [kind, hint] =
      cause instanceof FairleadError ? [cause.kind, cause.hint] : (['Unavailable', undefined] as const);
    const reason = isTimeout(cause) ? `no answer within ${this.#options.answerWithin} ms` : messageOf(cause);
    return new FairleadError(kind, `cannot ${title}: ${reason}`, { cause, ...(hint === undefined ? {} : { hint }) });
  }
}

function isConnectionReset(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && (thrown.code === 'ECONNRESET' || thrown.code === 'EPIPE');
}

function isTimeout(thrown: unknown): boolean {
  return thrown instanceof Error && (thrown.name === 'AbortError' || thrown.name === 'TimeoutError');
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
}
