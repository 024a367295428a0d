import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { profileContent } from '#lib/artifact/profile-content';
import { FairleadError } from '#lib/errors';
import type { RouteDependencies } from '#lib/http/service-server';
import { findInTime } from '../checks/answer-in-time.ts';
import { securityHeaders, sendPage, sendText } from '../site/answer.ts';
import type { PagesDependencies } from '../site/pages-dependencies.ts';
import { siteOf } from '../site/pages-dependencies.ts';
import { type Delivery, deliveryBlocks, podYaml } from './deliveries.ts';
import { loadProfile, type ProfileDependencies } from './load-profile.ts';
import { type ProfileRequestAddress, parseProfileAddress } from './profile-address.ts';
import { profilePage } from './profile-page.ts';

interface ProfileRoute {
  readonly Params: { readonly '*': string };
  readonly Querystring: { readonly from?: string; readonly to?: string; readonly delivery?: Delivery };
}

const querystring = {
  type: 'object',
  properties: {
    from: { type: 'string', maxLength: 200 },
    to: { type: 'string', maxLength: 200 },
    delivery: { type: 'string', enum: ['localhost', 'oci', 'crio'] },
  },
} as const;

export type ProfileRouteDependencies = PagesDependencies & ProfileDependencies & Pick<RouteDependencies, 'signalOf'>;

/**
 * A plugin that serves the page of a profile, `/profiles/REGISTRY/REPOSITORY[:tag|@digest]`, and
 * its documents below `/-/`.
 */
export async function profileRoute(app: FastifyInstance, dependencies: ProfileRouteDependencies): Promise<void> {
  const schema = { querystring, hide: true };
  app.get<ProfileRoute>('/profiles/*', { schema }, (request, reply) => {
    const address = parseProfileAddress(request.params['*']);
    const send = senders[address.document ?? 'page'];
    return send(address, request, reply, dependencies);
  });
}

const senders = { page: sendProfilePage, 'pod.yaml': sendPod, 'profile.json': sendContent } as const;

async function sendProfilePage(
  { reference }: ProfileRequestAddress,
  request: FastifyRequest<ProfileRoute>,
  reply: FastifyReply,
  dependencies: ProfileRouteDependencies,
): Promise<FastifyReply> {
  const { from, to } = request.query;
  const view = await loadProfile({ reference, from, to }, dependencies, dependencies.signalOf(reply));
  const { site } = siteOf(dependencies);
  return sendPage(request, reply, profilePage(site, view));
}

async function sendPod(
  { reference }: ProfileRequestAddress,
  request: FastifyRequest<ProfileRoute>,
  reply: FastifyReply,
  { profiles, signalOf }: ProfileRouteDependencies,
): Promise<FastifyReply> {
  const { delivery = 'localhost' } = request.query;
  const { kind, descriptor } = await findInTime(profiles, reference, signalOf(reply));
  const wanted = { reference: { ...reference, digest: descriptor.digest }, kind };
  if (!deliveryBlocks(wanted).some((block) => block.delivery === delivery)) {
    throw new FairleadError('NotFound', `${kind} profiles have no delivery ${delivery}`, {
      hint: 'Use ?delivery=localhost.',
    });
  }
  return sendText(request, reply, { text: podYaml(delivery, wanted), type: 'text/plain; charset=utf-8' });
}

async function sendContent(
  { reference }: ProfileRequestAddress,
  request: FastifyRequest<ProfileRoute>,
  reply: FastifyReply,
  { profiles, signalOf }: ProfileRouteDependencies,
): Promise<FastifyReply> {
  const { profile, descriptor, artifact } = await findInTime(profiles, reference, signalOf(reply));
  if ('unresolved' in profile) {
    throw new FairleadError('ProfileInvalid', `${descriptor.digest} is in the form of Docker and Podman`, {
      hint: 'To write what a container gets of it, run: fairlead pull --capabilities LIST.',
    });
  }
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(profileContent(artifact));
  // As text: browsers show it, and do not save it under a name of its publisher.
  reply.headers(securityHeaders);
  return sendText(request, reply, { text, type: 'text/plain; charset=utf-8' });
}
