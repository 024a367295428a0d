import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { FairleadError, toFairleadError } from '#lib/errors';
import { callSignal } from '#lib/http/call-signal';
import { NewcomersRefused } from '#lib/http/connections/newcomers-refused';
import { createServer } from '#lib/http/server';
import type { AppArmorLoader } from './loader.ts';
import { type LoadedProfiles, mostText, profilesPath } from './lsm-protocol.ts';

export interface LsmServiceDependencies {
  readonly loader: AppArmorLoader;
  readonly logger: FastifyBaseLogger;
}

/** A loader waits for those before it, and a shim has 8 connections at most. */
const mostConnections = 32;
/** Milliseconds for a call with its turn. */
const longestCall = 60_000;

/**
 * Makes the server of the loader, which does not listen yet: HTTP for one client, the shim. Who may
 * call is decided by who can open its socket (see requirePrivateSocket).
 */
export async function createLsmService({ loader, logger }: LsmServiceDependencies): Promise<FastifyInstance> {
  const { app } = createServer({
    logger,
    logRequests: false,
    bodyLimit: mostText,
    times: { head: 5_000, request: 10_000, idle: 5_000, silence: 2 * longestCall },
    connections: new NewcomersRefused({ all: mostConnections, ofOneClient: mostConnections, keptForNewClients: 0 }),
    pipelined: 1,
  });
  app.get(profilesPath, async (_request, reply): Promise<LoadedProfiles> => {
    return { profiles: await loader.list(callSignal(reply, longestCall)) };
  });
  app.put<{ Params: { name: string }; Body: unknown }>(`${profilesPath}/:name`, async (request, reply) => {
    const { name } = request.params;
    const text = request.body;
    if (typeof text !== 'string') throw new FairleadError('InvalidInput', 'want the text of a profile as text/plain');
    const began = performance.now();
    await loader.load({ name, text }, callSignal(reply, longestCall));
    const ms = Math.round(performance.now() - began);
    logger.info({ messageId: 'fairlead.apparmor.loaded', profile: name, ms }, 'profile loaded');
    return reply.status(204).send();
  });
  app.delete<{ Params: { name: string } }>(`${profilesPath}/:name`, async (request, reply) => {
    const { name } = request.params;
    await loader.unload(name, callSignal(reply, longestCall));
    logger.info({ messageId: 'fairlead.apparmor.unloaded', profile: name }, 'profile unloaded');
    return reply.status(204).send();
  });
  await app.ready();
  return app;
}

/** Logs a warning if this node has no AppArmor, so that each load would fail. */
export async function warnWithoutAppArmor({
  loader,
  logger,
}: {
  readonly loader: { requireAppArmor(): Promise<void> };
  readonly logger: Pick<FastifyBaseLogger, 'warn'>;
}): Promise<void> {
  try {
    await loader.requireAppArmor();
  } catch (thrown) {
    const { message, hint } = toFairleadError(thrown);
    logger.warn({ messageId: 'fairlead.apparmor.missing', hint }, `no profile can be loaded: ${message}`);
  }
}
