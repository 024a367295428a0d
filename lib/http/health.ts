import type {} from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';

export interface HealthOptions {
  /** Reports whether the process can do its work; by default it always can. */
  readonly isReady?: () => Promise<boolean>;
  /** Members that the answers have besides. */
  readonly details?: () => object;
}

/**
 * A plugin that serves `/healthz`, which the process answers as long as it runs, and `/readyz`,
 * which answers 503 if it cannot work. While it shuts down, Fastify answers 503 to everything.
 */
export async function health(
  app: FastifyInstance,
  { isReady = async () => true, details = () => ({}) }: HealthOptions,
): Promise<void> {
  const route = { schema: { hide: true }, logLevel: 'warn' } as const;
  app.get('/healthz', route, async () => ({ status: 'ok', ...details() }));
  app.get('/readyz', route, async (_request, reply) => {
    if (await isReady()) return { status: 'ready', ...details() };
    return reply.status(503).send({ status: 'not ready', ...details() });
  });
}
