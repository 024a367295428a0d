import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Registry } from 'prom-client';
import type { ErrorKind } from '#lib/errors';
import { boundedServer } from '#lib/http/bounded-server';
import { NewcomersRefused } from '#lib/http/connections/newcomers-refused';
import { formatListenAddress, listen, parseListenAddress } from '#lib/http/listen-address';

/** What the shim counts. */
export interface ShimMetrics {
  /** A pull that succeeded, and how long it took. */
  pulled(cached: boolean, seconds: number): void;
  /** A call that the shim refused. */
  refused(method: string, kind: ErrorKind): void;
  /** A profile that was written for a container or sandbox. */
  applied(): void;
  /** In how many dimensions an input constrained an artifact's profile. */
  constrained(input: string, count: number): void;
  /** Whether the policy files on disk are what is in force: false raises the alarm. */
  policyInForce(current: boolean): void;
}

/** Connections at a time for metrics. */
const connections = { all: 64, ofOneClient: 32, keptForNewClients: 8 };
/** How long nothing may come or go on one, in milliseconds. */
const longestWait = 10_000;
const times = { head: longestWait, request: longestWait, idle: longestWait, silence: longestWait };

/** Counts nothing, for a shim that was given no metrics address. */
export const noMetrics: ShimMetrics = {
  pulled: () => undefined,
  refused: () => undefined,
  applied: () => undefined,
  constrained: () => undefined,
  policyInForce: () => undefined,
};

export interface MetricsServer extends ShimMetrics {
  /** Where it listens: `host:port`. */
  readonly address: string;
  stop(): Promise<void>;
}

/**
 * Serves the metrics for Prometheus at `http://<address>/metrics`; port 0 takes a free one.
 * prom-client is loaded here only: it is a good part of the shim's memory. Throws InvalidInput for
 * an invalid address, Unavailable for one that cannot be listened on.
 */
export async function serveMetrics(address: string): Promise<MetricsServer> {
  const wanted = parseListenAddress(address);
  const { Registry } = await import('prom-client');
  const registry = new Registry();
  const counted = await countIn(registry);
  const server = metricsServer(registry);
  const bound = await listen(server, wanted, 'metrics');
  return {
    ...counted,
    address: formatListenAddress(bound),
    stop() {
      server.closeAllConnections();
      return new Promise((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}

async function countIn(registry: Registry): Promise<ShimMetrics> {
  const { Counter, Gauge, Histogram } = await import('prom-client');
  const registers = [registry];
  const pulls = new Histogram({
    name: 'fairlead_shim_pull_duration_seconds',
    help: 'Duration of successful pulls of profile artifacts.',
    labelNames: ['cached'],
    buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10],
    registers,
  });
  const refusals = new Counter({
    name: 'fairlead_shim_refusals_total',
    help: 'Calls that were refused, by method and kind of error.',
    labelNames: ['method', 'kind'],
    registers,
  });
  const applied = new Counter({
    name: 'fairlead_shim_profiles_applied_total',
    help: 'Effective profiles given to containers and sandboxes.',
    registers,
  });
  const constraints = new Counter({
    name: 'fairlead_shim_constraints_total',
    help: 'Dimensions of artifact profiles that were constrained, by the input that did it.',
    labelNames: ['input'],
    registers,
  });
  const policy = new Gauge({
    name: 'fairlead_shim_policy_in_force',
    help: '1 if the policy file is in force; 0 if it is invalid and an older policy is in force, or if it does not exist and everything is denied.',
    registers,
  });
  return {
    pulled: (cached, seconds) => pulls.observe({ cached: String(cached) }, seconds),
    refused: (method, kind) => refusals.inc({ method, kind }),
    applied: () => applied.inc(),
    constrained: (input, count) => constraints.inc({ input }, count),
    policyInForce: (current) => policy.set(current ? 1 : 0),
  };
}

/**
 * Makes the server. Whoever reaches the address must not be able to take the shim's time, memory or
 * files: pods wait for it. A connection has one request at a time.
 */
function metricsServer(registry: Registry): Server {
  const answered = new WeakSet<Socket>();
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const { socket } = request;
    if (answered.has(socket)) return void socket.destroy();
    answered.add(socket);
    response.once('close', () => answered.delete(socket));
    if (request.url !== '/metrics') return void response.writeHead(404).end();
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  };
  return boundedServer(handle, { times, connections: new NewcomersRefused(connections) });
}
