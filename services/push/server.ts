import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { FairleadError } from '#lib/errors';
import { formatReference, parseReference, type Reference } from '#lib/registry/reference';
import type { Target } from '#lib/registry/target';
import type { PolicySource } from '#lib/trust/policy/follow-policy';
import { maxArtifactBytes } from '#lib/trust/policy/policy';
import type { Signer } from '#lib/trust/sign/signer';
import type { SignatureFormat } from '#lib/trust/signature/signature';
import { type LocalPaths, policyPaths } from '../../lib/http/local-paths.ts';
import { HttpError } from '../../lib/http/problem.ts';
import { createServer, problemResponse, type RouteSurroundings } from '../../lib/http/server.ts';
import { publish } from './publish.ts';

export interface PushServerOptions {
  readonly version: string;
  readonly logger: FastifyBaseLogger;
  /** What callers must present: `Authorization: Bearer <token>`. */
  readonly token: string;
  /**
   * Tags nothing that this policy would not let a node use, and sends nothing to where it has no
   * rule for.
   */
  readonly policy: Pick<PolicySource, 'current' | 'inForce'>;
  readonly connect: (reference: Reference) => Target;
  /**
   * Signs everything; without it the policy must ask for no signature, or for one that is there
   * already.
   */
  readonly signer?: Signer | undefined;
  /** The form of its signatures; a rule with `signedRepository` takes only the older one. */
  readonly signatureFormat?: SignatureFormat | undefined;
  /**
   * Files and folders of this machine that errors may name beside those of the policy: callers are
   * told of none.
   */
  readonly localPaths?: LocalPaths;
  /** Milliseconds for one request. */
  readonly timeout?: number;
}

const querySchema = {
  type: 'object',
  required: ['reference'],
  additionalProperties: false,
  properties: {
    reference: { type: 'string', maxLength: 512, description: 'Where to: registry/repository:tag' },
    title: {
      type: 'string',
      maxLength: 255,
      description: 'File name to publish the profile under: part of the artifact, and so of its digest',
    },
  },
} as const;

const publishedSchema = {
  type: 'object',
  description: 'The profile is published under this reference.',
  required: ['reference', 'tag', 'digest', 'kind', 'findings', 'signature', 'alreadySigned'],
  properties: {
    reference: { type: 'string', description: 'Pinned to the digest: what a pod names' },
    tag: { type: ['string', 'null'], description: 'The tag that stands for it now; null where the reference had none' },
    digest: { type: 'string' },
    kind: { type: 'string', enum: ['Seccomp', 'AppArmor'] },
    signature: { type: ['string', 'null'], description: "Digest of the signature's manifest" },
    alreadySigned: {
      type: 'boolean',
      description: 'The same digest was signed with the same key before: that signature stands, and none was added.',
    },
    findings: {
      type: 'array',
      items: {
        type: 'object',
        required: ['code', 'severity', 'message', 'pointer'],
        properties: {
          code: { type: 'string' },
          severity: { type: 'string', enum: ['error', 'warning', 'info'] },
          message: { type: 'string' },
          pointer: { type: 'string' },
        },
      },
    },
  },
} as const;

/** The push service: `POST /v1/profiles?reference=…` publishes the profile in the body. */
export function createPushServer(options: PushServerOptions): Promise<FastifyInstance> {
  const { version, logger, policy, localPaths, timeout = 30_000 } = options;
  const server = {
    name: 'fairlead-push',
    description: 'Publishes security profiles as signed OCI artifacts.',
    version,
    logger,
    // The policy in force may set a lower one, and another tomorrow.
    bodyLimit: maxArtifactBytes,
    timeout,
    policyInForce: () => policy.inForce,
    policyMissing: () => policy.current.missing ?? false,
    localPaths: () => ({ ...policyPaths(policy.current), ...localPaths }),
    securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
  } as const;
  return createServer(server, (app, surroundings) => addRoutes(app, surroundings, options));
}

function addRoutes(
  app: FastifyInstance,
  { signalOf, turns }: RouteSurroundings,
  { token, policy: followed, connect, signer, signatureFormat }: PushServerOptions,
): void {
  // A profile is signed and stored as it was sent: no parser may stand between.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser([...profileTypes], { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.route<{ Querystring: { reference: string; title?: string }; Body: Buffer | undefined }>({
    method: 'POST',
    url: '/v1/profiles',
    schema: {
      operationId: 'publishProfile',
      summary: 'Publish a profile',
      description: 'The body is the profile (seccomp or AppArmor JSON), as it is to be published: byte for byte.',
      security: [{ bearer: [] }],
      querystring: querySchema,
      body: {
        content: {
          'application/json': {
            schema: {
              description:
                'A seccomp profile (runtime-spec, linux.seccomp) or a structured AppArmor profile (KEP-6061).',
            },
          },
          'application/octet-stream': { schema: { description: 'The same, when a client has no better name for it.' } },
        },
      },
      response: { 201: publishedSchema, default: problemResponse },
    },
    onRequest: [bearerAuthentication(token), assertMediaType],
    handler: async (request, reply) => {
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
          signal,
        },
      );
      request.log.info({ reference: formatReference(published.reference) }, 'published');
      return reply.status(201).send({
        reference: formatReference(published.reference),
        tag: published.tag ?? null,
        digest: published.descriptor.digest,
        kind: published.profile.kind,
        signature: published.signature ?? null,
        alreadySigned: published.alreadySigned,
        findings: published.findings,
      });
    },
  });
}

const profileTypes = ['application/json', 'application/octet-stream'] as const;

/** Lets in what is sent as what it is, before any of it is read. */
async function assertMediaType({ headers }: FastifyRequest): Promise<void> {
  const given = headers['content-type'];
  const coding = headers['content-encoding']?.trim() ?? '';
  if (coding !== '' && coding.toLowerCase() !== 'identity') {
    throw new HttpError(415, `the profile was sent with the content coding ${JSON.stringify(coding.slice(0, 100))}`, {
      hint: 'Send it as it is, without Content-Encoding: it is signed and published byte for byte.',
      headers: { 'accept-encoding': 'identity' },
    });
  }
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  const essence = given?.split(';')[0]?.trim().toLowerCase();
  if (!hasBody || profileTypes.some((type) => type === essence)) return;
  const what = given === undefined ? 'no media type' : `the media type ${JSON.stringify(given.slice(0, 100))}`;
  throw new HttpError(415, `the profile was sent with ${what}`, {
    hint: `Send it with Content-Type: ${profileTypes.join(' or ')}. A profile in another form is converted by: fairlead convert --to runtime FILE`,
    headers: { accept: profileTypes.join(', ') },
  });
}

/**
 * Lets in who presents the token. The comparison takes the same time wherever the first difference
 * is.
 */
function bearerAuthentication(token: string): (request: FastifyRequest, reply: FastifyReply) => Promise<void> {
  const expected = sha256(token);
  return async (request) => {
    const presented = /^Bearer +([^ ]+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (presented !== undefined && timingSafeEqual(sha256(presented), expected)) return;
    throw new FairleadError(
      'Unauthenticated',
      presented === undefined ? 'no bearer token was presented' : 'the bearer token is not the right one',
      { hint: 'Send Authorization: Bearer TOKEN, with the token that the service was started with.' },
    );
  };
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
