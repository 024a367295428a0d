import type { FastifyInstance } from 'fastify';
import plugin from 'fastify-plugin';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Turns } from '#lib/concurrency/turns';

export interface MetricsOptions {
  /** The label `service` of every metric. */
  readonly service: string;
  /** Where writing the metrics takes its turn: it takes milliseconds. */
  readonly turns: Turns;
  /** Whether the trust policy on disk is in force. */
  readonly policyInForce?: (() => boolean) | undefined;
  /** The registry to which other parts of the program add metrics; a new one by default. */
  readonly registry?: Registry | undefined;
}

/**
 * A plugin that counts and times every request by route, method and status, and serves `/metrics`
 * in Prometheus' text format. Each server has its own registry, so that two in one process do not
 * mix. The metrics are written once for all who have asked by then.
 */
export const metrics = plugin<MetricsOptions>(
  async (app, { service, turns, policyInForce, registry = new Registry() }) => {
    registry.setDefaultLabels({ service });
    collectDefaultMetrics({ register: registry });
    if (policyInForce !== undefined) addPolicyGauge(registry, policyInForce);
    countRequests(app, registry);
    let next: Promise<string> | undefined;
    const write = async (): Promise<string> => {
      await turns.take();
      next = undefined;
      return registry.metrics();
    };
    app.get('/metrics', { schema: { hide: true } }, async (_request, reply) => {
      next ??= write();
      return reply.type(registry.contentType).send(await next);
    });
  },
);

function countRequests(app: FastifyInstance, registry: Registry): void {
  const labelNames = ['route', 'method', 'status'] as const;
  const requests = new Counter({
    name: 'fairlead_http_requests_total',
    help: 'HTTP requests answered.',
    labelNames,
    registers: [registry],
  });
  const seconds = new Histogram({
    name: 'fairlead_http_request_duration_seconds',
    help: 'Time from the first byte of a request to the last of its answer.',
    labelNames,
    buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30],
    registers: [registry],
  });
  // Looking up a series by its labels takes longer than counting.
  const series = new Map<string, { requests: Counter.Internal; seconds: Histogram.Internal<string> }>();
  app.addHook('onResponse', (request, reply, done) => {
    // The route's pattern, never the path that was asked for: callers must not be able to make new
    // series.
    const route = request.routeOptions.url ?? 'none';
    const { method } = request;
    const status = String(reply.statusCode);
    const key = `${method} ${status} ${route}`;
    let counted = series.get(key);
    if (counted === undefined) {
      const labels = { route, method, status };
      counted = { requests: requests.labels(labels), seconds: seconds.labels(labels) };
      series.set(key, counted);
    }
    counted.requests.inc();
    counted.seconds.observe(reply.elapsedTime / 1000);
    done();
  });
}

function addPolicyGauge(registry: Registry, policyInForce: () => boolean): void {
  new Gauge({
    name: 'fairlead_policy_in_force',
    help: '1 if the policy file is in force; 0 if it is invalid and an older policy is in force, or if it does not exist and everything is denied.',
    registers: [registry],
    collect() {
      this.set(policyInForce() ? 1 : 0);
    },
  });
}
