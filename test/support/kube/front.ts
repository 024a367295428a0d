import { readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer, request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import type { Apiserver } from '#test/peers/apiserver';
import { makeAuthority, makeCertificate } from '#test/peers/certificates';
import { finishFolder, temporaryFolder } from '#test/peers/program';

/** A request as a test counts it. */
export interface SeenRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly isWatch: boolean;
}

/** What a front does with the requests that arrive. */
export type FrontMode =
  /** Passes it on, after a while if the test says so. */
  | { readonly do: 'pass'; readonly afterMs?: number }
  /** Never answers. */
  | { readonly do: 'hang' }
  /** Closes the connection. */
  | { readonly do: 'drop' }
  | {
      readonly do: 'answer';
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly body: string;
    };

/**
 * A reverse proxy before an API server, with admin rights towards it, that counts requests and
 * misbehaves as a test wants.
 */
export class Front {
  readonly kubeconfig: string;
  readonly requests: SeenRequest[] = [];
  readonly #server: ReturnType<typeof createServer>;
  readonly #decide: { mode: (request: SeenRequest) => FrontMode };
  readonly #open: Set<ServerResponse>;
  readonly #stalled: Set<ServerResponse>;

  private constructor(parts: {
    kubeconfig: string;
    server: ReturnType<typeof createServer>;
    decide: { mode: (request: SeenRequest) => FrontMode };
  }) {
    this.kubeconfig = parts.kubeconfig;
    this.#server = parts.server;
    this.#decide = parts.decide;
    this.#open = new Set();
    this.#stalled = new Set();
  }

  static async start(apiserver: Pick<Apiserver, 'url' | 'kubeconfig'>): Promise<Front> {
    const folder = temporaryFolder('front');
    finishFolder(folder);
    const authority = await makeAuthority(folder, '/CN=front-ca');
    const names = { name: 'front', subject: '/CN=front', serverNames: 'IP:127.0.0.1' };
    const { certificate, key } = await makeCertificate(folder, authority, names);
    const decide = { mode: (): FrontMode => ({ do: 'pass' }) };
    const server = createServer({ cert: certificate, key });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const kubeconfig = path.join(folder, 'kubeconfig');
    writeFileSync(kubeconfig, JSON.stringify(kubeconfigOf(`https://127.0.0.1:${port}`, authority.certificate)));
    const front = new Front({ kubeconfig, server, decide });
    const upstream = upstreamOf(apiserver);
    server.on('request', (request, response) => front.#handle(request, response, upstream));
    return front;
  }

  /** Decides about the requests from now on. */
  set mode(mode: FrontMode | ((request: SeenRequest) => FrontMode)) {
    this.#decide.mode = typeof mode === 'function' ? mode : () => mode;
  }

  /** Sends nothing more on the running answers, and keeps their connections open. */
  stall(): void {
    for (const response of this.#open) this.#stalled.add(response);
  }

  /** Closes all connections. */
  cut(): void {
    this.#server.closeAllConnections();
  }

  count(filter: (request: SeenRequest) => boolean = () => true): number {
    return this.requests.filter(filter).length;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cut();
    await closed;
  }

  #handle(request: IncomingMessage, response: ServerResponse, upstream: Upstream): void {
    const { method = '', url = '' } = request;
    const seen = { method, url, isWatch: /[?&]watch=true/.test(url) };
    this.requests.push(seen);
    const mode = this.#decide.mode(seen);
    if (mode.do === 'hang') return;
    if (mode.do === 'drop') {
      request.socket.destroy();
      return;
    }
    if (mode.do === 'answer') {
      request.resume();
      response.writeHead(mode.status, mode.headers).end(mode.body);
      return;
    }
    this.#open.add(response);
    response.on('close', () => this.#open.delete(response));
    const { afterMs } = mode;
    if (afterMs === undefined) this.#pass(request, response, upstream);
    else setTimeout(() => this.#pass(request, response, upstream), afterMs);
  }

  #pass(request: IncomingMessage, response: ServerResponse, { url, ...credentials }: Upstream): void {
    const { authorization: _, host: __, ...headers } = request.headers;
    const sent = httpsRequest(new URL(request.url ?? '', url), { ...credentials, method: request.method, headers });
    sent.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      response.flushHeaders();
      answer.on('data', (chunk) => this.#stalled.has(response) || response.write(chunk));
      answer.on('end', () => this.#stalled.has(response) || response.end());
      answer.on('error', () => this.#stalled.has(response) || response.destroy());
    });
    sent.on('error', () => this.#stalled.has(response) || response.destroy());
    response.on('close', () => sent.destroy());
    request.pipe(sent);
  }
}

interface Upstream {
  readonly url: string;
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly agent: Agent;
}

function upstreamOf({ url, kubeconfig }: Pick<Apiserver, 'url' | 'kubeconfig'>): Upstream {
  const { clusters, users } = JSON.parse(readFileSync(kubeconfig, 'utf8'));
  const decode = (base64: string): Buffer => Buffer.from(base64, 'base64');
  return {
    url,
    ca: decode(clusters[0].cluster['certificate-authority-data']),
    cert: decode(users[0].user['client-certificate-data']),
    key: decode(users[0].user['client-key-data']),
    agent: new Agent({ keepAlive: false }),
  };
}

function kubeconfigOf(server: string, authority: string): object {
  const data = Buffer.from(authority).toString('base64');
  return {
    'current-context': 'front',
    contexts: [{ name: 'front', context: { cluster: 'front', user: 'front' } }],
    clusters: [{ name: 'front', cluster: { server, 'certificate-authority-data': data } }],
    users: [{ name: 'front', user: { token: 'front' } }],
  };
}
