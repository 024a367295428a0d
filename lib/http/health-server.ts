import type { FastifyInstance } from 'fastify';
import { createServer, type ServerOptions } from './server.ts';

/**
 * Answers `/healthz`, `/readyz` and `/metrics` of the process at an address of their own. A service
 * that many callers connect to at the same moment accepts them one after another: what probes it is
 * behind them there, and here it is not.
 */
export function createHealthServer(
  options: Pick<ServerOptions, 'version' | 'logger' | 'policyInForce' | 'policyMissing'>,
): Promise<FastifyInstance> {
  const server = {
    name: 'fairlead-health',
    description: 'Whether the services of this process work.',
    bodyLimit: 1024,
    timeout: 5_000,
    ...options,
  };
  return createServer(server, () => undefined);
}
