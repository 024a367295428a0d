import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { FairleadError } from '#lib/errors';
import type { RouteDependencies } from '#lib/http/service-server';
import { formatReference, parseReference, type Reference } from '#lib/registry/reference';
import type { TagLister, Target } from '#lib/registry/target';
import type { PolicySource } from '#lib/trust/policy/follow-policy';
import type { Signer } from '#lib/trust/sign/signer';
import type { SignatureFormat } from '#lib/trust/signature/signature';
import { acceptedAlready } from './accepted-already.ts';
import { plannedDocument, publishedDocument } from './answer-document.ts';
import { laterSigner } from './later-signer.ts';
import { assertMediaType, profileTypes } from './media-type.ts';
import { publish } from './publish.ts';
import { bodySchema, querySchema, responses } from './publish-schema.ts';
import type { Publishers } from './publishers.ts';
import { rehearse } from './rehearse.ts';

/** What publishing a profile needs. */
export interface PublishRouteDependencies {
  readonly publishers: Publishers;
  /**
   * Only profiles that this policy allows nodes to use get a tag. Without a rule, nothing is sent.
   */
  readonly policy: Pick<PolicySource, 'current'>;
  readonly connect: (reference: Reference) => Target & TagLister;
  /**
   * Signs every profile. Without it, the policy must require no signature, or one that exists
   * already.
   */
  readonly signer?: Signer | undefined;
  /** The format of its signatures. A rule with `signedRepository` accepts only the older one. */
  readonly signatureFormat?: SignatureFormat | undefined;
}

interface PublishRequest {
  readonly Querystring: {
    readonly reference: string;
    readonly title?: string;
    readonly failOn?: 'loosened';
    readonly overwrite?: 'true' | 'false';
    readonly dryRun?: 'true' | 'false' | 'unsigned';
  };
  readonly Body: Buffer | undefined;
}

const schema = {
  operationId: 'publishProfile',
  summary: 'Publish a profile',
  description: 'The body is the profile (seccomp or AppArmor JSON). It is published byte for byte.',
  security: [{ bearer: [] }],
  querystring: querySchema,
  body: bodySchema,
  response: responses,
};

/** A plugin that serves `POST /v1/profiles?reference=…`: publishes the profile in the body. */
export async function publishRoute(
  app: FastifyInstance,
  dependencies: PublishRouteDependencies & RouteDependencies,
): Promise<void> {
  const { publishers } = dependencies;
  // A profile is signed and stored as it was sent: no parser may stand between.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser([...profileTypes], { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.route<PublishRequest>({
    method: 'POST',
    url: '/v1/profiles',
    schema,
    onRequest: [(request) => publishers.admit(request), assertMediaType],
    onError: (request, _reply, error) => publishers.recordRefused(request, error),
    handler: (request, reply) => answer(request, reply, dependencies),
  });
}

async function answer(
  request: FastifyRequest<PublishRequest>,
  reply: FastifyReply,
  dependencies: PublishRouteDependencies & RouteDependencies,
): Promise<FastifyReply> {
  const { policy: followed, publishers, connect, signer, signatureFormat, signalOf, turns } = dependencies;
  const { body, query } = request;
  const policy = followed.current;
  if (body === undefined) {
    throw new FairleadError('InvalidInput', 'the request has no body', {
      hint: 'Send the profile, as application/json or application/octet-stream.',
    });
  }
  const reference = parseReference(query.reference);
  const signal = signalOf(reply);
  await turns.take();
  signal.throwIfAborted();
  const { title, failOn, overwrite } = query;
  const asked = { reference, title, signatureFormat, failOn, overwrite: overwrite !== 'false' };
  const needed = {
    target: connect(reference),
    signer,
    clock: () => new Date(),
    limits: policy.limits,
    policy,
    authorizePublisher: publishers.authorize(request, reference),
    signal,
  };
  if (query.dryRun === 'true' || query.dryRun === 'unsigned') {
    const plan = await rehearse(body, asked, query.dryRun === 'true' ? needed : { ...needed, signer: laterSigner });
    const document = plannedDocument(plan, await acceptedAlready(plan, needed));
    await publishers.recordPlanned(request, [plan]);
    return reply.status(200).send(document);
  }
  const published = await publish(body, asked, needed);
  request.log.info({ reference: formatReference(published.reference) }, 'published');
  await publishers.recordPublished(request, [published]);
  return reply.status(201).send(publishedDocument(published));
}
