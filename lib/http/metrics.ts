import type { FastifyInstance } from 'fastify';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Turns } from '#lib/concurrency/turns';

/**
 * Counts and times every request by route, method and status, and serves `/metrics` in Prometheus'
 * text format. Each server has its own registry, so that two in one process do not mix.
 * `policyInForce` says whether the trust policy on disk is in force. To write them takes
 * milliseconds: that is done in its turn, once for all who have asked by then.
 */
export function addMetrics(
  app: FastifyInstance,
  service: string,
  { turns, policyInForce }: { readonly turns: Turns; readonly policyInForce: (() => boolean) | undefined },
): void {
  const register = new Registry();
  register.setDefaultLabels({ service });
  collectDefaultMetrics({ register });
  const labelNames = ['route', 'method', 'status'] as const;
  const requests = new Counter({
    name: 'fairlead_http_requests_total',
    help: 'HTTP requests answered.',
    labelNames,
    registers: [register],
  });
  const seconds = new Histogram({
    name: 'fairlead_http_request_duration_seconds',
    help: 'Time from the first byte of a request to the last of its answer.',
    labelNames,
    buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30],
    registers: [register],
  });
  if (policyInForce !== undefined) {
    new Gauge({
      name: 'fairlead_policy_in_force',
      help: '1 if the policy file is in force; 0 if it is invalid and an older policy is in force, or if it does not exist and everything is denied.',
      registers: [register],
      collect() {
        this.set(policyInForce() ? 1 : 0);
      },
    });
  }
  app.addHook('onResponse', async (request, reply) => {
    // The route's pattern, never the path that was asked for: callers must not be able to make new
    // series.
    const labels = {
      route: request.routeOptions.url ?? 'none',
      method: request.method,
      status: String(reply.statusCode),
    };
    requests.inc(labels);
    seconds.observe(labels, reply.elapsedTime / 1000);
  });
  let next: Promise<string> | undefined;
  const write = async (): Promise<string> => {
    await turns.take();
    next = undefined;
    return register.metrics();
  };
  app.get('/metrics', { schema: { hide: true } }, async (_request, reply) => {
    next ??= write();
    return reply.type(register.contentType).send(await next);
  });
}
