import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { FairleadError } from '#lib/errors';
import type { RouteDependencies } from '#lib/http/service-server';
import { formatReference, parseReference, type Reference } from '#lib/registry/reference';
import type { TagLister, Target } from '#lib/registry/target';
import type { PolicySource } from '#lib/trust/policy/follow-policy';
import type { Signer } from '#lib/trust/sign/signer';
import type { SignatureFormat } from '#lib/trust/signature/signature';
import type { Authenticator } from '../callers/authenticator.ts';
import { type Authorization, authorizeAnywhere, authorizeCaller } from '../callers/authorization.ts';
import type { Caller } from '../callers/caller.ts';
import { RequestCallers } from '../callers/request-callers.ts';
import { assertMediaType, profileTypes } from './media-type.ts';
import { publish } from './publish.ts';
import { bodySchema, querySchema, responses } from './publish-schema.ts';

/** What publishing a profile needs. */
export interface PublishRouteDependencies {
  readonly authenticator: Pick<Authenticator, 'authenticate'>;
  /** Who may publish what. */
  readonly authorization: { readonly current: Authorization };
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
  readonly Querystring: { readonly reference: string; readonly title?: string };
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
  const callers = new RequestCallers(dependencies.authenticator);
  // A profile is signed and stored as it was sent: no parser may stand between.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser([...profileTypes], { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.route<PublishRequest>({
    method: 'POST',
    url: '/v1/profiles',
    schema,
    onRequest: [
      async (request) =>
        authorizeAnywhere(dependencies.authorization.current, await callers.identify(request), 'publish'),
      assertMediaType,
    ],
    handler: (request, reply) => answer(request, reply, callers.of(request), dependencies),
  });
}

async function answer(
  request: FastifyRequest<PublishRequest>,
  reply: FastifyReply,
  caller: Caller,
  dependencies: PublishRouteDependencies & RouteDependencies,
): Promise<FastifyReply> {
  const { policy: followed, authorization, connect, signer, signatureFormat, signalOf, turns } = dependencies;
  const { body } = request;
  const policy = followed.current;
  if (body === undefined) {
    throw new FairleadError('InvalidInput', 'the request has no body', {
      hint: 'Send the profile, as application/json or application/octet-stream.',
    });
  }
  const reference = parseReference(request.query.reference);
  const signal = signalOf(reply);
  await turns.take();
  signal.throwIfAborted();
  const published = await publish(
    body,
    { reference, title: request.query.title, signatureFormat },
    {
      target: connect(reference),
      signer,
      clock: () => new Date(),
      limits: policy.limits,
      policy,
      authorizePublisher: (kind) =>
        authorizeCaller(authorization.current, caller, { verb: 'publish', reference, kind }),
      signal,
    },
  );
  request.log.info({ reference: formatReference(published.reference) }, 'published');
  return reply.status(201).send({
    reference: formatReference(published.reference),
    tag: published.tags[0]?.tag ?? null,
    digest: published.reference.digest,
    kind: published.profile.kind,
    signature: published.signature ?? null,
    alreadySigned: published.alreadySigned,
    findings: published.findings,
  });
}
