import { Agent, type RequestOptions, request } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { FairleadError } from '#lib/errors';
import { type ArtifactBinding, parseBindingPage } from './artifact-binding.ts';

/** The API server, as far as the operator uses it. */
export interface BindingSource {
  /**
   * The ArtifactBindings of a namespace as they are at this moment. Throws Unavailable, Unauthenticated, NotAllowed or
   * NotFound where the API server does not answer with them, LimitExceeded where there are more than 500.
   */
  list(namespace: string): Promise<readonly ArtifactBinding[]>;
  /** Resolves when bindings can be listed: the API server answers, the CRD is there, and we are allowed. Throws as list does. */
  probe(): Promise<void>;
  close(): void;
}

const path = '/apis/fairlead.dev/v1alpha1';
const maxBindings = 500;
const maxAnswerBytes = 16 * 1024 * 1024;
/** Well below the webhook's timeoutSeconds (5), so that the pod's author reads our message and not "context deadline exceeded". */
const answerWithinMs = 3000;

/**
 * Reads bindings from the API server, each time anew. There is no cache, on purpose: the API server answers a list
 * without resourceVersion from etcd by quorum, so that a binding that was created before a pod is always seen when that
 * pod is admitted. With a watch cache there is a moment, and after a lost connection many, where the pod would slip
 * through unbound. A namespace's bindings are few; the list costs a few milliseconds of each pod creation.
 */
export async function bindingSource(kubeconfig: string | undefined): Promise<BindingSource> {
  const config = await loadKubeConfig(kubeconfig);
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new FairleadError('InvalidInput', `${kubeconfig}: its current context names no cluster`);
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });

  const get = async (resource: string): Promise<string> => {
    // The library reads tokens that rotate, runs credential plugins and sets up TLS; its agent knows proxies, but does
    // not keep connections, which an admission should not wait for.
    const options: RequestOptions = {};
    await config.applyToHTTPSOptions(options);
    if (cluster.proxyUrl === undefined) options.agent = agent;
    const url = new URL(`${cluster.server.replace(/\/+$/, '')}${resource}`);
    const signal = AbortSignal.timeout(answerWithinMs);
    try {
      return await answer(url, { ...options, signal });
    } catch (thrown) {
      // A kept connection may have been closed by the other side just before; a second one is opened for this request.
      if (!isConnectionReset(thrown)) throw thrown;
      return await answer(url, { ...options, agent: options.agent === agent ? false : options.agent, signal });
    }
  };

  return {
    async list(namespace) {
      const resource = `${path}/namespaces/${encodeURIComponent(namespace)}/artifactbindings?limit=${maxBindings}`;
      const title = `the ArtifactBindings of namespace ${namespace}`;
      const page = parseBindingPage(await naming(title, get(resource)));
      if (page.more) throw new FairleadError('LimitExceeded', `${title}: more than ${maxBindings}`);
      return page.bindings;
    },
    async probe() {
      await naming('the ArtifactBindings', get(`${path}/artifactbindings?limit=1`));
    },
    close() {
      agent.destroy();
    },
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
      throw new FairleadError('InvalidInput', 'this is not a pod of a cluster, and no kubeconfig is given', {
        hint: 'Give one with --kubeconfig.',
      });
    }
    config.loadFromCluster();
  }
  return config;
}

/** A GET whose answer is 200; anything else throws. */
function answer(url: URL, options: RequestOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      { ...options, headers: { ...options.headers, accept: 'application/json' } },
      (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('error', reject);
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          size += chunk.length;
          if (size > maxAnswerBytes) {
            reject(new FairleadError('LimitExceeded', `${url.host} answers with more than ${maxAnswerBytes} bytes`));
            sent.destroy();
          }
        });
        response.on('end', () => {
          const body = Buffer.concat(chunks).toString('utf8');
          if (response.statusCode === 200) resolve(body);
          else reject(refusal(url, response.statusCode ?? 0, body));
        });
      },
    );
    sent.on('error', reject);
    sent.end();
  });
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

async function naming(title: string, answered: Promise<string>): Promise<string> {
  try {
    return await answered;
  } catch (cause) {
    const [kind, hint] =
      cause instanceof FairleadError ? [cause.kind, cause.hint] : (['Unavailable', undefined] as const);
    const reason = isTimeout(cause) ? `no answer within ${answerWithinMs} ms` : messageOf(cause);
    throw new FairleadError(kind, `cannot list ${title}: ${reason}`, {
      cause,
      ...(hint === undefined ? {} : { hint }),
    });
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
