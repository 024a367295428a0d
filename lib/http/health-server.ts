import type { FastifyInstance } from 'fastify';
import { createServiceServer, type ServiceOptions } from './service-server.ts';

/**
 * Makes a server that answers `/healthz`, `/readyz` and `/metrics` of the process at an address of
 * its own. A service that many callers connect to at the same moment accepts them one after
 * another: there, probes are behind them, and here they are not.
 */
export function createHealthServer(
  options: Pick<
    ServiceOptions,
    'version' | 'logger' | 'observe' | 'policyInForce' | 'policyMissing' | 'isReady' | 'details'
  >,
): Promise<FastifyInstance> {
  const server = {
    name: 'fairlead-health',
    description: 'Whether the services of this process work.',
    bodyLimit: 1024,
    timeout: 5_000,
    ...options,
  };
  return createServiceServer(server, () => undefined);
}
