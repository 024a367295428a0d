import type { IncomingMessage } from 'node:http';
import { Agent, type RequestOptions, request } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { FairleadError } from '#lib/errors';

/** A resource to ask the API server for. */
export interface Question {
  /** Path and query. */
  readonly path: string;
  /** What is done, for messages that begin with "cannot": `list the Namespaces`. */
  readonly title: string;
  /** Media type of the answer; `application/json` by default. */
  readonly accept?: string;
  /** How the answer to `get` is read; at once by default, up to 16 MiB. */
  readonly size?: AnswerSize;
}

/** How an answer is read that may be large. */
export interface AnswerSize {
  /** Bytes that it may have. */
  readonly max: number;
  /** More than so many bytes are read only when `turn` resolves. */
  readonly small: number;
  readonly turn: () => Promise<void>;
}

/** The API server, as far as the operator uses it. */
export interface ApiServer {
  /**
   * Returns the body of the answer. Throws Unavailable, Unauthenticated, NotAllowed or NotFound if
   * the API server does not answer with the resource within 3 s, LimitExceeded if the answer is too
   * large.
   */
  get(question: Question): Promise<string>;
  /**
   * Calls `onLine` for each line of the answer until the API server ends it. Throws as {@link get}
   * does, and Unavailable if the answer breaks off or `signal` aborts.
   */
  watch(question: Question, onLine: (line: string) => void, signal: AbortSignal): Promise<void>;
  close(): void;
}

const maxAnswerBytes = 16 * 1024 * 1024;
/**
 * Well below the webhook's timeoutSeconds (5), so that the pod's author reads our message and not
 * "context deadline exceeded".
 */
const answerWithinMs = 3000;

/**
 * Opens the API server of a kubeconfig, by default as the ServiceAccount of the pod that we run in.
 * Throws InvalidInput.
 */
export async function openApiServer(kubeconfig: string | undefined): Promise<ApiServer> {
  const config = await loadKubeConfig(kubeconfig);
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new FairleadError('InvalidInput', `${kubeconfig}: its current context names no cluster`);
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });

  const open = async ({ path, accept = 'application/json' }: Question, signal: AbortSignal) => {
    // The library reads tokens that rotate, runs credential plugins and sets up TLS; its agent
    // knows proxies, but does not keep connections, which an admission should not wait for.
    const options: RequestOptions = {};
    await config.applyToHTTPSOptions(options);
    if (cluster.proxyUrl === undefined) options.agent = agent;
    const url = new URL(`${cluster.server.replace(/\/+$/, '')}${path}`);
    const headers = { ...options.headers, accept };
    try {
      return await respond(url, { ...options, headers, signal });
    } catch (thrown) {
      // A kept connection may have been closed by the other side just before; a second one is
      // opened for this request.
      if (!isConnectionReset(thrown)) throw thrown;
      return await respond(url, {
        ...options,
        headers,
        signal,
        agent: options.agent === agent ? false : options.agent,
      });
    }
  };

  return {
    get: (question) =>
      naming(question, async () => {
        const signal = AbortSignal.timeout(answerWithinMs);
        try {
          return await readBody(await open(question, signal), question.size);
        } catch (thrown) {
          // An answer that breaks off here says only that it was aborted.
          signal.throwIfAborted();
          throw thrown;
        }
      }),
    watch: (question, onLine, signal) =>
      naming(question, async () => {
        // The answer goes on; only its beginning has to come soon.
        const late = new AbortController();
        const timer = setTimeout(() => late.abort(new DOMException('too late', 'TimeoutError')), answerWithinMs);
        try {
          const response = await open(question, AbortSignal.any([signal, late.signal]));
          clearTimeout(timer);
          await readLines(response, onLine);
        } finally {
          clearTimeout(timer);
        }
      }),
    close: () => agent.destroy(),
  };
}

async function loadKubeConfig(file: string | undefined): Promise<KubeConfig> {
  // Half a second and 80 MiB: loaded only where an operator runs.
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  if (file !== undefined) {
    try {
      config.loadFromFile(file);
    } catch (cause) {
      throw new FairleadError('InvalidInput', `cannot read the kubeconfig ${file}: ${messageOf(cause)}`, { cause });
    }
  } else {
    if (!process.env['KUBERNETES_SERVICE_HOST']) {
      throw new FairleadError('InvalidInput', 'not running in a pod, and no kubeconfig was specified', {
        hint: 'Set `kubeconfig`.',
      });
    }
    config.loadFromCluster();
  }
  return config;
}

/** A GET whose answer is 200; anything else throws. The body is still to be read. */
async function respond(url: URL, options: RequestOptions): Promise<IncomingMessage> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request(url, options, resolve).on('error', reject).end();
  });
  if (response.statusCode !== 200) throw refusal(url, response.statusCode ?? 0, await readBody(response));
  return response;
}

async function readBody(response: IncomingMessage, answerSize?: AnswerSize): Promise<string> {
  const { max, small, turn } = answerSize ?? {
    max: maxAnswerBytes,
    small: maxAnswerBytes,
    turn: async () => undefined,
  };
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    const wasSmall = size <= small;
    chunks.push(chunk);
    size += chunk.length;
    // Leaving the loop destroys the response.
    if (size > max) throw new FairleadError('LimitExceeded', `the API server answers with more than ${max} bytes`);
    // The API server waits meanwhile: nobody takes its bytes off the connection.
    if (wasSmall && size > small) await turn();
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function readLines(response: IncomingMessage, onLine: (line: string) => void): Promise<void> {
  let rest = '';
  response.setEncoding('utf8');
  for await (const chunk of response as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
    if (rest.length > maxAnswerBytes) {
      throw new FairleadError('LimitExceeded', `the API server sends a line of more than ${maxAnswerBytes} bytes`);
    }
  }
}

function refusal(url: URL, status: number, body: string): FairleadError {
  const says = `${url.host} answers ${status}: ${body.slice(0, 300)}`;
  switch (status) {
    case 401:
      return new FairleadError('Unauthenticated', says, {
        hint: 'Check the credentials of the kubeconfig or ServiceAccount.',
      });
    case 403:
      return new FairleadError('NotAllowed', says, { hint: 'Apply deploy/operator/rbac.yaml.' });
    case 404:
      return new FairleadError('NotFound', says, { hint: 'Apply deploy/operator/crd.yaml.' });
    default:
      return new FairleadError('Unavailable', says);
  }
}

async function naming<T>({ title }: Question, answer: () => Promise<T>): Promise<T> {
  try {
    return await answer();
  } catch (cause) {
    const [kind, hint] =
      cause instanceof FairleadError ? [cause.kind, cause.hint] : (['Unavailable', undefined] as const);
    const reason = isTimeout(cause) ? `no answer within ${answerWithinMs} ms` : messageOf(cause);
    throw new FairleadError(kind, `cannot ${title}: ${reason}`, { cause, ...(hint === undefined ? {} : { hint }) });
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
