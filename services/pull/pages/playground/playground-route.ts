import type { FastifyInstance } from 'fastify';
import { errorMapping, FairleadError } from '#lib/errors';
import { sendOnce, sendPage } from '../site/answer.ts';
import { type PagesDependencies, siteOf } from '../site/pages-dependencies.ts';
import { examine, type Pasted, pastedLimit } from './examine.ts';
import { playgroundPage } from './playground-page.ts';

/** Two profiles, whose characters take up to three bytes each in a form. */
const bodyLimit = 2 * 3 * pastedLimit;

/** A plugin that serves the playground. It keeps nothing of what it gets. */
export async function playgroundRoute(app: FastifyInstance, dependencies: PagesDependencies): Promise<void> {
  const form = 'application/x-www-form-urlencoded';
  app.addContentTypeParser(form, { parseAs: 'string', bodyLimit }, async (_request: unknown, body: string) =>
    Object.fromEntries(new URLSearchParams(body)),
  );
  const site = () => siteOf(dependencies).site;
  app.get('/playground', { schema: { hide: true } }, (request, reply) =>
    sendPage(request, reply, playgroundPage({ site: site(), pasted: { profile: '', other: '' } })),
  );
  app.post<{ Body: Partial<Pasted> }>('/playground', { schema: { hide: true }, bodyLimit }, async (request, reply) => {
    const { profile = '', other = '' } = request.body ?? {};
    const pasted = { profile, other };
    const result = await examine(pasted, dependencies).catch((error: unknown) => {
      if (error instanceof FairleadError) return error;
      throw error;
    });
    if (result instanceof FairleadError) reply.status(errorMapping[result.kind].http);
    return sendOnce(request, reply, playgroundPage({ site: site(), pasted, result }));
  });
}
