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
    if (!isProblem(request, reply)) return payload;
    reply.header('vary', 'accept');
    if (!prefersMediaType(request.headers.accept, 'text/html', problemType)) return payload;
    const { site } = siteOf(dependencies);
    const problem = JSON.parse(String(payload));
    const page = errorPage({ site, problem, url: request.url, repeatable: request.method === 'GET' });
    reply.headers(securityHeaders).type('text/html; charset=utf-8');
    return page.toString();
  });
}

/** Reports whether an answer is an error of a page. */
function isProblem({ url }: FastifyRequest, reply: FastifyReply): boolean {
  return String(reply.getHeader('content-type')).startsWith(problemType) && !/^\/v\d+\//.test(url);
}
