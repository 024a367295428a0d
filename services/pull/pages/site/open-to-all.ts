import type { FastifyInstance } from 'fastify';
import { FairleadError } from '#lib/errors';

/** Whether all callers may read what the policy allows. */
export interface Openness {
  readonly areAnonymous: boolean;
}

/**
 * Refuses the routes of a plugin with NotAllowed unless all callers may read everything: a browser
 * has no token to prove who reads, and a page shows profiles of several repositories.
 */
export function refuseUnlessOpen(app: FastifyInstance, readers: Openness): void {
  app.addHook('onRequest', async () => {
    if (readers.areAnonymous) return;
    throw new FairleadError('NotAllowed', 'profiles are not shown on web pages here: not all callers may read them', {
      hint: 'Use the API with a token. The playground and the API reference are open to all callers.',
    });
  });
}
