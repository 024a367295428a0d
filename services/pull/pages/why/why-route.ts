import type { FastifyInstance } from 'fastify';
import type { RouteDependencies } from '#lib/http/service-server';
import type { RuntimeKind } from '#lib/profile/profile';
import { sendOnce } from '../site/answer.ts';
import { type PagesDependencies, siteOf } from '../site/pages-dependencies.ts';
import { explainWhy, type WhyDependencies } from './explain-why.ts';
import { whyPage } from './why-page.ts';

const querystring = {
  type: 'object',
  properties: {
    reference: { type: 'string', maxLength: 512, default: '' },
    kind: { type: 'string', enum: ['Seccomp', 'AppArmor'], default: 'Seccomp' },
  },
} as const;

interface WhyRoute {
  readonly Querystring: { readonly reference: string; readonly kind: RuntimeKind };
}

export type WhyRouteDependencies = PagesDependencies & WhyDependencies & Pick<RouteDependencies, 'signalOf'>;

/** A plugin that serves `/why?reference=…&kind=…`: what the policy decides, rule by rule. */
export async function whyRoute(app: FastifyInstance, dependencies: WhyRouteDependencies): Promise<void> {
  app.get<WhyRoute>('/why', { schema: { querystring, hide: true } }, async (request, reply) => {
    const view = await explainWhy(request.query, dependencies, dependencies.signalOf(reply));
    const { site } = siteOf(dependencies);
    return sendOnce(request, reply, whyPage(site, view));
  });
}
