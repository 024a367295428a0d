import { X509Certificate } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import type { Server } from 'node:tls';
import type { FastifyBaseLogger } from 'fastify';
import { FairleadError, toFairleadError } from '#lib/errors';
import { openTlsFiles } from '../../lib/http/tls-files.ts';
import { openApiServer } from '../../lib/kube/client.ts';
import { type BindingSource, bindingSource } from '../kube/list-bindings.ts';
import { NamespaceGuard } from '../kube/namespace-guard.ts';
import { webhookServer } from '../webhooks/webhook.ts';

export interface OperatorOptions {
  /** Path of a kubeconfig; without it, the ServiceAccount of the pod that we run in. */
  readonly kubeconfig?: string | undefined;
  /** `host:port` or `[IPv6]:port`; port 0 takes any free one. */
  readonly listen: string;
  /** PEM files; replaced ones are taken up within ten seconds. */
  readonly tlsCert: string;
  readonly tlsKey: string;
  /**
   * PEM certificates of the authorities whose clients may send reviews; anybody may by default.
   * Replaced like the others.
   */
  readonly clientCa?: string | undefined;
  readonly log: FastifyBaseLogger;
}

export interface Operator {
  /** Where the webhook listens, `host:port`. */
  readonly address: string;
  /** Stops listening and lets the calls that run come to their end. */
  stop(): Promise<void>;
}

const tlsReloadMs = 10_000;
const dayMs = 24 * 60 * 60 * 1000;
const warnDaysBefore = 30;

/**
 * Starts the operator: the webhooks that write bound profiles into pods and verify that they are
 * there. It starts even where the API server cannot be reached, and is not ready until it can.
 * Throws InvalidInput for a kubeconfig, an address or TLS files that cannot be used, Unavailable
 * where the address is taken, NotAllowed if a namespace carries the name of another ({@link
 * NamespaceGuard}).
 */
export async function startOperator(options: OperatorOptions): Promise<Operator> {
  const { log } = options;
  const { host, port } = parseListen(options.listen);
  const tls = await openTlsFiles(options.tlsCert, options.tlsKey, options.clientCa);
  if (options.clientCa === undefined) {
    log.warn(
      { hint: 'Restrict access with a NetworkPolicy, or set `clientCa`.' },
      'any client that can reach the webhook may send reviews',
    );
  }
  const api = await openApiServer(options.kubeconfig);
  let namespaces: NamespaceGuard;
  try {
    namespaces = await NamespaceGuard.start(api, log);
  } catch (error) {
    api.close();
    throw error;
  }
  const server = webhookServer(guarded(bindingSource(api), namespaces), tls.pair, log);
  try {
    await server.listen({ host, port });
  } catch (cause) {
    namespaces.stop();
    api.close();
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FairleadError('Unavailable', `cannot listen on ${options.listen}: ${reason}`, { cause });
  }

  let warnedAt = Number.NEGATIVE_INFINITY;
  const warnDaily = (): void => {
    if (Date.now() - warnedAt < dayMs) return;
    warnedAt = Date.now();
    warnOfExpiry(tls.pair.cert, log);
  };
  warnDaily();
  const reload = setInterval(async () => {
    warnDaily();
    try {
      const pair = await tls.reload();
      if (pair === undefined) return;
      (server.server as unknown as Server).setSecureContext({ ...pair });
      log.info({ tlsCert: options.tlsCert }, 'TLS certificate replaced');
    } catch (thrown) {
      log.error({ err: toFairleadError(thrown) }, 'TLS certificate not replaced; the one in use stays');
    }
  }, tlsReloadMs);

  const bound = server.server.address() as AddressInfo;
  return {
    address: bound.family === 'IPv6' ? `[${bound.address}]:${bound.port}` : `${bound.address}:${bound.port}`,
    async stop() {
      clearInterval(reload);
      await server.close();
      namespaces.stop();
      api.close();
    },
  };
}

/**
 * Warns of a certificate that has expired, or will soon: API servers then admit no pod in the whole
 * cluster.
 */
function warnOfExpiry(cert: string, log: FastifyBaseLogger): void {
  const { validToDate } = new X509Certificate(cert);
  const days = Math.floor((validToDate.getTime() - Date.now()) / dayMs);
  if (days >= warnDaysBefore) return;
  const what =
    days < 0
      ? 'has expired: API servers do not take it, and admit no pod'
      : `expires in ${days} days: no pod is admitted from then on`;
  log.warn({ expires: validToDate.toISOString() }, `the TLS certificate ${what}; renew it (deploy/README.md)`);
}

/**
 * Bindings that are listed only while the webhooks are called for every namespace that they are
 * meant for.
 */
function guarded(source: BindingSource, namespaces: NamespaceGuard): BindingSource {
  return {
    async list(namespace) {
      namespaces.check();
      return await source.list(namespace);
    },
    async probe() {
      namespaces.check();
      await source.probe();
    },
  };
}

function parseListen(listen: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):([0-9]{1,5})$/.exec(listen);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65535) {
    throw new FairleadError('InvalidInput', `not an address to listen on: ${JSON.stringify(listen)}`, {
      hint: 'Write host:port, such as 0.0.0.0:9443 or [::]:9443.',
    });
  }
  return { host, port };
}
