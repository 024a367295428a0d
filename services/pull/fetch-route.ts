import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { profileContent } from '#lib/artifact/profile-content';
import { FairleadError } from '#lib/errors';
import { preferredMediaType } from '#lib/http/accept';
import { isNotModified } from '#lib/http/not-modified';
import type { RouteDependencies } from '#lib/http/service-server';
import type { Decisions } from '#lib/node/pull/decision-log';
import { PullLimiter } from '#lib/node/pull/pull-limiter';
import { PullMemory } from '#lib/node/pull/pull-memory';
import { pullInForce } from '#lib/node/pull/pull-profile';
import type { PulledProfile } from '#lib/node/pull/pulled-profile';
import type { RuntimeKind } from '#lib/profile/profile';
import { parseReference, type Reference } from '#lib/registry/reference';
import type { ReadTarget } from '#lib/registry/target';
import type { PolicySource } from '#lib/trust/policy/follow-policy';
import { querySchema, responses } from './fetch-schema.ts';
import { RenderedDocuments } from './rendered-documents.ts';

/** What fetching a profile needs. */
export interface FetchDependencies {
  /** Only profiles that this policy allows are served. For others, no registry is asked. */
  readonly policy: Pick<PolicySource, 'current'>;
  readonly connect: (reference: Reference) => ReadTarget;
  /** The outcome of every request is written here. */
  readonly decisions?: Decisions | undefined;
}

/**
 * Most bytes of artifacts that are remembered: some tens of large profiles, hundreds of common
 * ones.
 */
const rememberedBytes = 16 * 1024 * 1024;

interface FetchRequest {
  readonly Querystring: { readonly reference: string; readonly kind: RuntimeKind };
}

const schema = {
  operationId: 'fetchProfile',
  summary: 'Fetch a verified profile',
  description:
    'Accept: application/json returns the profile with its verification, application/octet-stream its bytes as published. ' +
    'The ETag identifies the artifact. With If-None-Match the artifact is verified again, and the answer is 304 if it is unchanged.',
  querystring: querySchema,
  response: responses,
} as const;

/** A plugin that serves `GET /v1/profiles?reference=…`: the verified profile. */
export async function fetchRoute(
  app: FastifyInstance,
  dependencies: FetchDependencies & RouteDependencies,
): Promise<void> {
  const fetcher = new ProfileFetcher(dependencies);
  const route = {
    url: '/v1/profiles',
    handler: (request: FastifyRequest<FetchRequest>, reply: FastifyReply) => fetcher.answer(request, reply),
  };
  app.route<FetchRequest>({ ...route, schema, method: 'GET', exposeHeadRoute: false });
  // The one that Fastify would add reports that what a 304 stands for has no bytes.
  app.route<FetchRequest>({ ...route, schema: { querystring: querySchema, hide: true }, method: 'HEAD' });
}

class ProfileFetcher {
  readonly #dependencies: FetchDependencies & RouteDependencies;
  // What was verified by its digest stays so; many callers for the same profile ask the registry
  // once.
  readonly #memory = new PullMemory({ bytes: rememberedBytes, sameCredentials: true });
  readonly #limiter = new PullLimiter();
  readonly #documents = new RenderedDocuments();

  constructor(dependencies: FetchDependencies & RouteDependencies) {
    this.#dependencies = dependencies;
  }

  async answer(request: FastifyRequest<FetchRequest>, reply: FastifyReply): Promise<FastifyReply> {
    const { policy, connect, decisions, turns, signalOf } = this.#dependencies;
    const accepted = preferredMediaType(request.headers.accept, ['application/json', 'application/octet-stream']);
    const reference = parseReference(request.query.reference);
    const pulled = await pullInForce({ reference, kind: request.query.kind }, () => policy.current, {
      connect,
      memory: this.#memory,
      limiter: this.#limiter,
      turns,
      decisions,
      signal: signalOf(reply),
    });
    const content = contentOf(pulled);
    const etag = etagOf(pulled, accepted);
    // A tag may point elsewhere tomorrow and a policy may change: caches must ask again.
    reply.header('etag', etag).header('cache-control', 'no-cache').header('vary', 'accept');
    if (isNotModified(request.headers['if-none-match'], etag)) return reply.status(304).send();
    await turns.take();
    const body = accepted === 'application/json' ? this.#documents.of(pulled, content) : bytesOf(content);
    return reply.type(accepted === 'application/json' ? 'application/json; charset=utf-8' : accepted).send(body);
  }
}

/**
 * Returns the entity tag: the digest of the artifact. The bytes alone are another representation,
 * with a tag of its own.
 */
function etagOf({ descriptor }: PulledProfile, mediaType: string): string {
  return mediaType === 'application/json' ? `"${descriptor.digest}"` : `"${descriptor.digest}:content"`;
}

/**
 * Returns the bytes of a profile. Throws ProfileInvalid for the form of Docker and Podman: runtimes
 * misread it, and the container that it is for is not known here.
 */
function contentOf({ profile, artifact, descriptor }: PulledProfile): Uint8Array {
  if (!('unresolved' in profile)) return profileContent(artifact);
  const message = `${descriptor.digest} is in the form of Docker and Podman: what it permits depends on the container`;
  throw new FairleadError('ProfileInvalid', message, {
    hint: 'To write what a container gets of it, run: fairlead pull --capabilities LIST. The shim resolves it for each container.',
  });
}

/** Returns the same bytes as a Buffer. */
function bytesOf(content: Uint8Array): Buffer {
  return Buffer.from(content.buffer, content.byteOffset, content.byteLength);
}
