import type { FastifyInstance, HTTPMethods } from 'fastify';
import { FairleadError } from '#lib/errors';
import { quote } from '../text/quote.ts';
import { HttpError } from './problem.ts';

/** The methods that routes may have. */
const methods: readonly HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/**
 * Refuses requests that have no route, before a body is read: with 405 if the path takes other
 * methods, else with 404. Hooks of `onRequest`, which may refuse clients whatever they ask for,
 * come first.
 */
export function refuseUnrouted(app: FastifyInstance): void {
  app.addHook('preParsing', async ({ is404, method, url }) => {
    if (is404) throw noRoute(app, method, url);
  });
}

function noRoute(app: FastifyInstance, method: string, url: string): Error {
  const path = url.replace(/[?#].*$/s, '');
  const documented = app.hasRoute({ method: 'GET', url: '/openapi.json' });
  const allowed = methods.filter((other) => app.findRoute({ method: other, url: path }) !== null);
  if (allowed.length === 0) {
    return new FairleadError('NotFound', `resource not found: ${method} ${quote(url)}`, {
      ...(documented && { hint: 'GET /openapi.json lists the resources.' }),
    });
  }
  const hint = `Use ${allowed.join(', ')}.${documented ? ' GET /openapi.json describes them.' : ''}`;
  return new HttpError(405, `${path} does not support ${method}`, { hint, headers: { allow: allowed.join(', ') } });
}
