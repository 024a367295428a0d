import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { prefersMediaType } from '#lib/http/accept';
import { securityHeaders } from './site/answer.ts';
import { errorPage } from './site/error-page.ts';
import { type PagesDependencies, siteOf } from './site/pages-dependencies.ts';

const problemType = 'application/problem+json';

/**
 * Makes errors pages for browsers: what is to be sent as problem details is sent as a page if the
 * Accept header prefers one. The routes of the API (`/v1/…`) always answer with problem details.
 */
export function answerErrorsWithPages(app: FastifyInstance, dependencies: PagesDependencies): void {
  app.addHook('onSend', async (request, reply, payload) => {
    if (!isForPage(request, reply)) return payload;
    const { site } = siteOf(dependencies);
    const problem = JSON.parse(String(payload));
    const page = errorPage({ site, problem, url: request.url, repeatable: request.method === 'GET' });
    reply.headers({ ...securityHeaders, 'cache-control': 'no-store', vary: 'accept' }).type('text/html; charset=utf-8');
    return page.toString();
  });
}

function isForPage({ url, headers: { accept } }: FastifyRequest, reply: FastifyReply): boolean {
  if (!String(reply.getHeader('content-type')).startsWith(problemType) || /^\/v\d+\//.test(url)) return false;
  return prefersMediaType(accept, 'text/html', problemType);
}
