import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { profileContent } from '#lib/artifact/profile-content';
import { BoundedMemory } from '#lib/concurrency/bounded-memory';
import { FairleadError } from '#lib/errors';
import type { DecisionLog } from '#lib/node/pull/decision-log';
import { PullBudget } from '#lib/node/pull/pull-budget';
import { pullMemory } from '#lib/node/pull/pull-memory';
import { type PulledProfile, pullInForce } from '#lib/node/pull/pull-profile';
import type { RuntimeKind } from '#lib/profile/profile';
import { parseReference, type Reference } from '#lib/registry/reference';
import type { ReadTarget } from '#lib/registry/target';
import type { PolicySource } from '#lib/trust/policy/follow-policy';
import { preferredMediaType } from '../../lib/http/accept.ts';
import { type LocalPaths, policyPaths, withKeyFileNames } from '../../lib/http/local-paths.ts';
import { isNotModified } from '../../lib/http/not-modified.ts';
import { createServer, problemResponse, type RouteSurroundings } from '../../lib/http/server.ts';
import { describePulled, renderPulled } from './pulled-document.ts';

export interface PullServerOptions {
  readonly version: string;
  readonly logger: FastifyBaseLogger;
  /** Serves what this policy allows; for the rest no registry is even asked. */
  readonly policy: Pick<PolicySource, 'current' | 'inForce'>;
  readonly connect: (reference: Reference) => ReadTarget;
  /** Milliseconds for one request. */
  readonly timeout?: number;
  /**
   * Files and folders of this machine that errors may name beside those of the policy: callers are
   * told of none.
   */
  readonly localPaths?: LocalPaths;
  /** What came of every request is written down here. */
  readonly decisions?: DecisionLog | undefined;
}

/**
 * Most bytes of artifacts that are remembered: some tens of large profiles, hundreds of common
 * ones.
 */
const rememberedBytes = 16 * 1024 * 1024;

/**
 * Most bytes of documents that are remembered beside: of the profiles that are asked for the most.
 */
const renderedBytes = 8 * 1024 * 1024;

const querySchema = {
  type: 'object',
  required: ['reference'],
  additionalProperties: false,
  properties: {
    reference: { type: 'string', maxLength: 512, description: 'registry/repository:tag or …@sha256:…' },
    kind: { type: 'string', enum: ['Seccomp', 'AppArmor'], default: 'Seccomp', description: 'What is wanted' },
  },
} as const;

const pulledSchema = {
  type: 'object',
  description: 'The profile, and why it may be used.',
  required: ['reference', 'digest', 'kind', 'verification', 'profile'],
  properties: {
    reference: { type: 'string' },
    digest: { type: 'string' },
    kind: { type: 'string', enum: ['Seccomp', 'AppArmor'] },
    verification: {
      type: 'object',
      required: ['rule', 'unsigned', 'signatures'],
      properties: {
        rule: { type: 'string', description: 'The rule of the trust policy that allowed it' },
        unsigned: { type: 'boolean' },
        signatures: {
          type: 'array',
          items: {
            type: 'object',
            required: ['format', 'manifest'],
            properties: {
              attestation: {
                type: 'string',
                description: 'The predicate type, where the rule asks for an attestation',
              },
              format: { type: 'string' },
              manifest: { type: 'string', description: 'Digest of the manifest that carried the signature' },
              key: { type: 'string', description: "The key's file name" },
              keyFingerprint: { type: 'string', description: "SHA-256 of the key's SPKI DER, hex" },
              logIndexes: {
                type: 'array',
                items: { type: 'string' },
                description: 'Of the verified entries in transparency logs, where the rule looks at them',
              },
              certificate: {
                type: 'object',
                description: 'Of a keyless signature, in place of the key: what its certificate says of the signer',
                properties: {
                  issuer: { type: 'string' },
                  identity: { type: 'string' },
                  claims: { type: 'object', additionalProperties: { type: 'string' } },
                },
              },
            },
          },
        },
      },
    },
    profile: { type: 'object', description: "The profile, in the runtime's own format" },
  },
} as const;

/** The pull service: `GET /v1/profiles?reference=…` answers with the verified profile. */
export function createPullServer(options: PullServerOptions): Promise<FastifyInstance> {
  const { version, logger, policy, localPaths, timeout = 30_000 } = options;
  const server = {
    name: 'fairlead-pull',
    description: 'Serves security profiles that a trust policy allows.',
    version,
    logger,
    bodyLimit: 1024,
    timeout,
    policyInForce: () => policy.inForce,
    policyMissing: () => policy.current.missing ?? false,
    localPaths: () => ({ ...policyPaths(policy.current), ...localPaths }),
  };
  return createServer(server, (app, surroundings) => addRoutes(app, surroundings, options));
}

function addRoutes(
  app: FastifyInstance,
  { signalOf, turns }: RouteSurroundings,
  { policy, connect, decisions }: PullServerOptions,
): void {
  // What was verified by its digest stays so; many callers for the same profile ask the registry
  // once.
  const memory = pullMemory({ bytes: rememberedBytes, sameCredentials: true });
  const budget = new PullBudget();
  const documents = new RenderedDocuments();
  const fetch = {
    url: '/v1/profiles',
    schema: {
      operationId: 'fetchProfile',
      summary: 'Fetch a verified profile',
      description:
        'By Accept: application/json gives the profile with its verification; application/octet-stream its bytes, as published. ' +
        'The ETag stands for the artifact: If-None-Match has it verified again, and answers 304 where it is still that one.',
      querystring: querySchema,
      response: {
        200: {
          description: pulledSchema.description,
          content: {
            'application/json': { schema: pulledSchema },
            'application/octet-stream': { schema: { type: 'string', format: 'binary' } },
          },
        },
        304: { type: 'null', description: 'It is the artifact that If-None-Match names, and may still be used.' },
        default: problemResponse,
      },
    },
    handler: async (request: FastifyRequest<FetchRequest>, reply: FastifyReply) => {
      const accepted = preferredMediaType(request.headers.accept, ['application/json', 'application/octet-stream']);
      const reference = parseReference(request.query.reference);
      const pulled = await pullInForce({ reference, kind: request.query.kind }, () => policy.current, {
        connect,
        memory,
        budget,
        turns,
        decisions,
        signal: signalOf(reply),
      });
      const content = contentOf(pulled);
      const etag = etagOf(pulled, accepted);
      // A tag may point elsewhere tomorrow and a policy may change: who caches must ask again.
      reply.header('etag', etag).header('cache-control', 'no-cache').header('vary', 'accept');
      if (isNotModified(request.headers['if-none-match'], etag)) return reply.status(304).send();
      await turns.take();
      const body = accepted === 'application/json' ? documents.of(pulled, content) : bytesOf(content);
      return reply.type(accepted === 'application/json' ? 'application/json; charset=utf-8' : accepted).send(body);
    },
  };
  app.route<FetchRequest>({ ...fetch, method: 'GET', exposeHeadRoute: false });
  // The one that Fastify would add says that what a 304 stands for has no bytes.
  app.route<FetchRequest>({ ...fetch, method: 'HEAD', schema: { querystring: querySchema, hide: true } });
}

interface FetchRequest {
  readonly Querystring: { readonly reference: string; readonly kind: RuntimeKind };
}

/**
 * The artifact's digest; the bytes alone are another representation of the same, and have a tag of
 * their own.
 */
function etagOf({ descriptor }: PulledProfile, mediaType: string): string {
  return mediaType === 'application/json' ? `"${descriptor.digest}"` : `"${descriptor.digest}:content"`;
}

/**
 * Who reads it as runtimes do must not be given what they misread, and for which container it is
 * meant is not known here.
 */
function contentOf({ profile, artifact, descriptor }: PulledProfile): Uint8Array {
  if (!('unresolved' in profile)) return profileContent(artifact);
  const message = `${descriptor.digest} is in the form of Docker and Podman: what it permits depends on the container`;
  throw new FairleadError('ProfileInvalid', message, {
    hint: 'What a container gets of it is written by: fairlead pull --capabilities LIST. The shim resolves it for each container.',
  });
}

/** The documents that were rendered last: many callers get the same bytes. */
class RenderedDocuments {
  readonly #rendered = new BoundedMemory<Buffer>(renderedBytes, (document) => document.length);

  of(found: PulledProfile, content: Uint8Array): Buffer {
    const pulled = withKeyFileNames(found);
    // It names the digest, and all else that stands in the document.
    const name = JSON.stringify(describePulled(pulled));
    const rendered = this.#rendered.recall(name);
    if (rendered !== undefined) return rendered;
    const document = Buffer.from(renderPulled(pulled, content));
    this.#rendered.remember(name, document);
    return document;
  }
}

/** The same bytes, as what is sent takes them. */
function bytesOf(content: Uint8Array): Buffer {
  return Buffer.from(content.buffer, content.byteOffset, content.byteLength);
}
