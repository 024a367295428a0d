import multipart from '@fastify/multipart';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { HttpError } from '#lib/http/problem';
import type { RouteDependencies } from '#lib/http/service-server';
import { formatReference } from '#lib/registry/reference';
import { maxArtifactBytes } from '#lib/trust/policy/node-policy';
import { suppliedSigner } from '#lib/trust/sign/supplied-signer';
import { acceptedAlready } from './accepted-already.ts';
import { plannedDocument, publishedDocument } from './answer-document.ts';
import { laterSigner } from './later-signer.ts';
import type { Publication } from './publish-many.ts';
import type { PublishRouteDependencies } from './publish-route.ts';
import { manyBodySchema, manyQuerySchema, manyResponses } from './publish-schema.ts';
import { planTogether, publishTogether } from './publish-together.ts';
import { formLimits, type RequestedProfile, readParts } from './read-parts.ts';

interface PublishTogetherRequest {
  readonly Querystring: { readonly dryRun?: 'true' | 'false' | 'unsigned' };
}

const schema = {
  operationId: 'publishProfiles',
  summary: 'Publish several profiles, or none',
  description:
    'The body is a form with the profiles, each after its parameters. All are published, or nothing is sent.',
  security: [{ bearer: [] }],
  consumes: ['multipart/form-data'],
  querystring: manyQuerySchema,
  body: manyBodySchema,
  response: manyResponses,
};

/** A plugin that serves `POST /v1/publications`: publishes the profiles of a form. */
export async function publishTogetherRoute(
  app: FastifyInstance,
  dependencies: PublishRouteDependencies & RouteDependencies,
): Promise<void> {
  const { publishers } = dependencies;
  app.removeAllContentTypeParsers();
  await app.register(multipart, { limits: { ...formLimits, fileSize: maxArtifactBytes }, throwFileSizeLimit: true });
  app.route<PublishTogetherRequest>({
    method: 'POST',
    url: '/v1/publications',
    schema,
    onRequest: [(request) => publishers.admit(request), assertForm],
    onError: (request, _reply, error) => publishers.recordRefused(request, error),
    handler: (request, reply) => answer(request, reply, dependencies),
  });
}

async function answer(
  request: FastifyRequest<PublishTogetherRequest>,
  reply: FastifyReply,
  dependencies: PublishRouteDependencies & RouteDependencies,
): Promise<FastifyReply> {
  const { publishers, signalOf } = dependencies;
  const signal = signalOf(reply);
  const profiles = await readParts(request.parts());
  signal.throwIfAborted();
  const references = profiles.map(({ reference }) => reference);
  publishers.count(request, references);
  const publications = profiles.map((profile) => publicationOf(profile, request, signal, dependencies));
  const { dryRun } = request.query;
  if (dryRun === 'true' || dryRun === 'unsigned') {
    const plans = await planTogether(dryRun === 'true' ? publications : publications.map(signedLater));
    const documents = plans.map(async (plan, at) => {
      const dependencies = publications[at]?.dependencies;
      return plannedDocument(plan, dependencies !== undefined && (await acceptedAlready(plan, dependencies)));
    });
    const answer = { publications: await Promise.all(documents) };
    await publishers.recordPlanned(request, plans);
    return reply.status(200).send(answer);
  }
  const published = await publishTogether(publications);
  request.log.info({ references: published.map(({ reference }) => formatReference(reference)) }, 'published');
  await publishers.recordPublished(request, published);
  return reply.status(201).send({ publications: published.map(publishedDocument) });
}

function publicationOf(
  { reference, bytes, bundle, ...parameters }: RequestedProfile,
  request: FastifyRequest,
  signal: AbortSignal,
  { policy: followed, publishers, connect, turns, ...service }: PublishRouteDependencies & RouteDependencies,
): Publication {
  const policy = followed.current;
  return {
    name: formatReference(reference),
    async read() {
      await turns.take();
      return bytes;
    },
    request: { reference, ...parameters, ...(bundle === undefined && { signatureFormat: service.signatureFormat }) },
    dependencies: {
      target: connect(reference),
      signer: bundle === undefined ? service.signer : suppliedSigner(bundle),
      clock: () => new Date(),
      limits: policy.limits,
      policy,
      authorizePublisher: publishers.authorize(request, reference),
      signal,
    },
  };
}

/** Returns a publication without its signature, which its caller makes after the rehearsal. */
function signedLater({ dependencies, ...publication }: Publication): Publication {
  return { ...publication, dependencies: { ...dependencies, signer: laterSigner } };
}

/** Refuses a body that is not a form, before any of it is read. Throws HttpError 415. */
async function assertForm(request: FastifyRequest): Promise<void> {
  if (/^multipart\/form-data *;/i.test(request.headers['content-type'] ?? '')) return;
  throw new HttpError(415, 'the profiles were not sent as a form', {
    hint: 'Send them with Content-Type: multipart/form-data: curl -F reference=registry.example.com/security/nginx:1 -F profile=@nginx.json',
    headers: { accept: 'multipart/form-data' },
  });
}
