import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type ErrorKind, FairleadError } from '#lib/errors';

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

/** Connections at a time for metrics; more are closed at once. */
const mostConnections = 64;
/** How long nothing may come or go on one, in milliseconds. */
const longestWait = 10_000;

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
 * prom-client is loaded here only: it is a good part of the shim's memory.
 */
export async function serveMetrics(address: string): Promise<MetricsServer> {
  const { host, port } = parseAddress(address);
  const { Counter, Gauge, Histogram, Registry } = await import('prom-client');
  const registry = new Registry();
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

  const answered = new WeakSet<Socket>();
  // Whoever reaches the address must not be able to take the shim's time, memory or files: pods
  // wait for it.
  const server = createServer({ headersTimeout: longestWait, requestTimeout: longestWait }, (request, response) => {
    const { socket } = request;
    if (answered.has(socket)) return void socket.destroy();
    answered.add(socket);
    response.once('close', () => answered.delete(socket));
    if (request.url !== '/metrics') return void response.writeHead(404).end();
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  server.timeout = longestWait;
  server.maxConnections = mostConnections;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      const hint = 'Choose an address of this machine and a port that is free.';
      reject(new FairleadError('Unavailable', `cannot listen on ${address} for metrics`, { cause, hint }));
    });
    server.listen(port, host, resolve);
  });
  const bound = server.address() as AddressInfo;
  return {
    address: `${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`,
    pulled: (cached, seconds) => pulls.observe({ cached: String(cached) }, seconds),
    refused: (method, kind) => refusals.inc({ method, kind }),
    applied: () => applied.inc(),
    constrained: (input, count) => constraints.inc({ input }, count),
    policyInForce: (current) => policy.set(current ? 1 : 0),
    stop() {
      server.closeAllConnections();
      return new Promise((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}

function parseAddress(address: string): { host: string; port: number } {
  const match = /^(.*):(\d{1,5})$/.exec(address);
  if (match === null || Number(match[2]) > 65_535) {
    throw new FairleadError('InvalidInput', `not an address for metrics: ${JSON.stringify(address)}`, {
      hint: 'Write host:port, such as 127.0.0.1:9464.',
    });
  }
  return { host: (match[1] as string).replace(/^\[(.*)\]$/, '$1') || '127.0.0.1', port: Number(match[2]) };
}
