import type { FastifyBaseLogger, FastifyInstance, FastifyReply } from 'fastify';
import type { Registry } from 'prom-client';
import { Turns } from '#lib/concurrency/turns';
import { callSignal } from './call-signal.ts';
import { NewcomersRefused } from './connections/newcomers-refused.ts';
import { health } from './health.ts';
import type { LocalPaths } from './local-paths.ts';
import { metrics } from './metrics.ts';
import { type OpenApiOptions, openApi } from './open-api.ts';
import type { ServedTls } from './served-tls.ts';
import { createServer } from './server.ts';

export interface ServiceOptions extends OpenApiOptions {
  readonly logger: FastifyBaseLogger;
  /** Bytes of a request body. */
  readonly bodyLimit: number;
  /** Milliseconds that one request may take: then the signal of its work aborts. */
  readonly timeout: number;
  /** Whether the trust policy on disk is the one in force; shown in health and metrics. */
  readonly policyInForce?: (() => boolean) | undefined;
  /** Whether there is no trust policy on disk, so that everything is denied; shown in health. */
  readonly policyMissing?: (() => boolean) | undefined;
  /** The certificate of the service; without it, the service serves plain HTTP. */
  readonly tls?: ServiceTls | undefined;
  /** Observes the requests: called with the server before it has routes. */
  readonly observe?: ((app: FastifyInstance) => void) | undefined;
  /** Whether `/readyz` answers 200; always by default. */
  readonly isReady?: (() => boolean) | undefined;
  /** More members of the answers of `/healthz` and `/readyz`. */
  readonly details?: (() => object) | undefined;
  /** The registry of metrics of the service itself; a new one by default. */
  readonly metricsRegistry?: Registry | undefined;
  /** Files and directories of this machine that errors may name, hidden from callers. */
  readonly localPaths?: (() => LocalPaths) | undefined;
}

export interface ServiceTls {
  readonly served: ServedTls;
  /** Whether the certificate in the files is the one in use; shown in health. */
  readonly inForce: () => boolean;
}

/** What routes need to do their work. */
export interface RouteDependencies {
  /** Returns the signal under which the work for a request is to be done. */
  readonly signalOf: (reply: FastifyReply) => AbortSignal;
  /** Where each piece of heavy work takes its turn, so that probes are answered in between. */
  readonly turns: Turns;
}

/** The answers that wait for their readers fit into memory. */
const connections = { all: 1024, ofOneClient: 512, keptForNewClients: 128 };
/** Milliseconds for the head of a request, and for which a connection may be idle. */
const longestHead = 5_000;
const longestIdle = 30_000;
/** Requests of one connection that have no answer yet, each of some kilobytes. */
const pipelined = 256;

/**
 * Makes the server of a service: the shared one with `/healthz`, `/readyz`, `/metrics`, and
 * `/openapi.json` made from the routes that `addRoutes` puts on it.
 */
export async function createServiceServer(
  options: ServiceOptions,
  addRoutes: (app: FastifyInstance, dependencies: RouteDependencies) => void,
): Promise<FastifyInstance> {
  const { timeout, policyInForce } = options;
  const { app, accepted } = createServer({
    logger: options.logger,
    bodyLimit: options.bodyLimit,
    times: { head: Math.min(longestHead, timeout), request: timeout, idle: longestIdle, silence: 2 * timeout },
    connections: new NewcomersRefused(connections),
    pipelined,
    tls: options.tls?.served,
    localPaths: options.localPaths,
    challenge: 'Bearer realm="fairlead"',
  });
  options.observe?.(app);
  await app.register(openApi, options);
  // Not behind the work that waits: it is one piece for all callers.
  await app.register(metrics, {
    ...{ service: options.name, turns: new Turns(accepted), policyInForce },
    registry: options.metricsRegistry,
  });
  const { isReady = () => true, details = () => ({}) } = options;
  await app.register(health, {
    isReady: async () => isReady(),
    details: () => ({ ...stateDetails(options), ...details() }),
  });
  addRoutes(app, { signalOf: (reply) => callSignal(reply, timeout), turns: new Turns(accepted) });
  await app.ready();
  return app;
}

/**
 * Returns what the health of a service shows of its policy and certificate. Neither these nor its
 * registry take it out of the load balancer: one registry that fails must not take out every
 * replica, and while a policy file is broken the policy before it is in force, which a service that
 * started again would not have.
 */
function stateDetails({ policyInForce, policyMissing, tls }: ServiceOptions): object {
  return {
    ...(policyInForce !== undefined && { policyInForce: policyInForce() }),
    ...(tls !== undefined && { certificateInForce: tls.inForce() }),
    ...(policyMissing?.() && { policy: 'does not exist: everything is denied' }),
  };
}
