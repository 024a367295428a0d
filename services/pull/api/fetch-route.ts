import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { LRUCache } from 'lru-cache';
import { preferredMediaType } from '#lib/http/accept';
import { isNotModified } from '#lib/http/not-modified';
import type { RuntimeKind } from '#lib/profile/profile';
import { parseReference } from '#lib/registry/reference';
import { cacheControl } from '../readers/cache-control.ts';
import type { ApiDependencies } from './api-dependencies.ts';
import { type PreparedAnswer, PreparedAnswers, profileMediaTypes } from './prepared-answers.ts';
import { profileAnswers, profileQuery } from './schemas.ts';

/**
 * Most bytes of answers to requests by digest that are found without reading the request. Callers
 * can name one profile in any number of spellings, and each has an answer of its own.
 */
const knownBytes = 24 * 1024 * 1024;
/** What the objects of an answer take beside its bytes. */
const objectBytes = 2 * 1024;
/** Longest URL and Accept header of these. */
const longestName = 1024;
/** Bytes from which an answer takes a turn: writing it delays others. */
const largeAnswer = 128 * 1024;

interface FetchRequest {
  readonly Querystring: { readonly reference: string; readonly kind: RuntimeKind };
}

/** An answer by digest, and the revision of the policy that allows it. */
interface KnownAnswer {
  readonly answer: PreparedAnswer;
  readonly revision: string;
}

const schema = {
  operationId: 'fetchProfile',
  summary: 'Fetch a verified profile',
  description:
    'Accept: application/json returns the profile with its verification, application/octet-stream its bytes as published. ' +
    'The strong ETag identifies the representation. With If-None-Match the policy decides again, and the answer is 304 if nothing has changed.',
  querystring: profileQuery,
  response: profileAnswers,
} as const;

/** A plugin that serves `GET /v1/profiles?reference=…`: the verified profile. */
export async function fetchRoute(app: FastifyInstance, dependencies: ApiDependencies): Promise<void> {
  const fetcher = new ProfileFetcher(dependencies);
  const route = {
    url: '/v1/profiles',
    onRequest: (request: FastifyRequest, reply: FastifyReply, done: () => void) => {
      if (!fetcher.answerKnown(request, reply)) done();
    },
    handler: (request: FastifyRequest<FetchRequest>, reply: FastifyReply) => fetcher.answer(request, reply),
  };
  app.route<FetchRequest>({ ...route, schema, method: 'GET', exposeHeadRoute: false });
  // The one that Fastify would add reports that what a 304 stands for has no bytes.
  app.route<FetchRequest>({ ...route, schema: { querystring: profileQuery, hide: true }, method: 'HEAD' });
}

class ProfileFetcher {
  readonly #dependencies: ApiDependencies;
  readonly #prepared = new PreparedAnswers();
  readonly #known = new LRUCache<string, KnownAnswer>({
    maxSize: knownBytes,
    sizeCalculation: ({ answer }) => answer.body.length + objectBytes,
  });

  constructor(dependencies: ApiDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Answers a request by digest that was answered before under the policy in force, before anything
   * of it is parsed. Returns whether it did. The authorization in force must still let all callers
   * read everything.
   */
  answerKnown(request: FastifyRequest, reply: FastifyReply): boolean {
    const { profiles, readers } = this.#dependencies;
    const known = this.#known.get(nameOf(request));
    if (known === undefined || known.revision !== profiles.revision || !readers.areAnonymous) return false;
    this.#send(request, reply, known.answer, true);
    return true;
  }

  async answer(request: FastifyRequest<FetchRequest>, reply: FastifyReply): Promise<FastifyReply> {
    const { profiles, readers, turns, signalOf } = this.#dependencies;
    const accepted = preferredMediaType(request.headers.accept, profileMediaTypes);
    const { reference: text, kind } = request.query;
    const reference = parseReference(text);
    readers.authorize(await readers.identify(request.headers.authorization), reference, kind);
    const profile = await profiles.find({ reference, kind }, signalOf(reply));
    const answer = this.#prepared.of(profile, accepted);
    const isPinned = reference.digest !== undefined;
    if (isPinned) this.#learn(nameOf(request), { answer, revision: profile.revision });
    if (answer.body.length > largeAnswer) await turns.take();
    return this.#send(request, reply, answer, isPinned);
  }

  /** If decisions are recorded, or readers may read different things, all requests are examined. */
  #learn(name: string, known: KnownAnswer): void {
    const { profiles, readers } = this.#dependencies;
    if (readers.areAnonymous && !profiles.areRecorded && name.length < longestName) this.#known.set(name, known);
  }

  #send(
    request: FastifyRequest,
    reply: FastifyReply,
    { etag, contentType, body }: PreparedAnswer,
    isPinned: boolean,
  ): FastifyReply {
    const { readers } = this.#dependencies;
    reply.header('etag', etag).header('cache-control', cacheControl(isPinned, readers)).header('vary', 'accept');
    if (isNotModified(request.headers['if-none-match'], etag)) return reply.status(304).send();
    return reply.header('content-type', contentType).send(body);
  }
}

/** Returns what decides about the answer to a request by digest. */
function nameOf({ headers, raw }: FastifyRequest): string {
  return `${headers.accept ?? ''} ${raw.url}`;
}
