import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { FairleadError } from '#lib/errors';
import type { LocalPaths } from '#lib/http/local-paths';
import { isNotModified } from '#lib/http/not-modified';
import type { RouteDependencies } from '#lib/http/service-server';
import { mediaTypes } from '#lib/registry/descriptor';
import { isDigest } from '#lib/registry/digest';
import { isTag } from '#lib/registry/reference';
import { quote } from '#lib/text/quote';
import type { Caller } from '#services/callers/caller';
import { cacheControl } from '../readers/cache-control.ts';
import type { Readers } from '../readers/readers.ts';
import { parseRange } from './byte-range.ts';
import { type MirroredName, mirrorName, parseMirrorName } from './mirror-name.ts';
import { MirroredContent, type MirroredContentDependencies } from './mirrored-content.ts';
import { pageOf } from './name-page.ts';
import { RegistryError, registryErrorAnswer } from './registry-error.ts';

export interface MirrorDependencies extends MirroredContentDependencies, Pick<RouteDependencies, 'signalOf'> {
  readonly readers: Readers;
  /** Files and directories of this machine that errors may name, hidden from callers. */
  readonly localPaths: () => LocalPaths;
}

interface MirrorRequest {
  readonly Params: { readonly '*': string };
  readonly Querystring: Readonly<Record<string, string | string[] | undefined>>;
}

type Request = FastifyRequest<MirrorRequest>;

/** A request below a repository. */
interface Asked {
  readonly name: MirroredName;
  readonly request: Request;
  readonly reply: FastifyReply;
  readonly signal: AbortSignal;
}

const version = ['docker-distribution-api-version', 'registry/2.0'] as const;

/**
 * A plugin that serves `/v2/`: the pull side of the distribution specification 1.1, read-only, for
 * what the policy allows. Nodes, oras, crane and skopeo use it as a mirror that verifies.
 */
export async function mirrorRoutes(app: FastifyInstance, dependencies: MirrorDependencies): Promise<void> {
  const mirror = new Mirror(dependencies);
  app.setErrorHandler(registryErrorAnswer(dependencies.localPaths));
  app.addHook('onRequest', (_request, reply, done) => {
    reply.header(...version);
    done();
  });
  const schema = { hide: true };
  for (const url of ['/v2', '/v2/']) {
    app.route({ method: ['GET', 'HEAD'], url, schema, handler: (request, reply) => mirror.check(request, reply) });
  }
  app.route<MirrorRequest>({
    method: ['GET', 'HEAD'],
    url: '/v2/*',
    schema,
    handler: (request, reply) => mirror.answer(request, reply),
  });
  app.route({
    method: ['POST', 'PUT', 'PATCH', 'DELETE'],
    url: '/v2/*',
    schema,
    // Before a body is read.
    onRequest: async ({ method }) => {
      throw new RegistryError(405, 'UNSUPPORTED', `${method} is not supported: the mirror is read-only`, {
        hint: 'Publish with the push service, or in the registry itself.',
        headers: { allow: 'GET, HEAD' },
      });
    },
    handler: async () => undefined,
  });
}

class Mirror {
  readonly #dependencies: MirrorDependencies;
  readonly #content: MirroredContent;

  constructor(dependencies: MirrorDependencies) {
    this.#dependencies = dependencies;
    this.#content = new MirroredContent(dependencies);
  }

  /** Answers whether this is a registry, and whether the caller may read anything. */
  async check(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { readers } = this.#dependencies;
    readers.admit(await readers.identify(request.headers.authorization));
    return reply.send({});
  }

  async answer(request: Request, reply: FastifyReply): Promise<FastifyReply> {
    const path = request.params['*'];
    const { readers, signalOf } = this.#dependencies;
    const caller = await readers.identify(request.headers.authorization);
    if (path === '_catalog') return this.#answerCatalog(request, reply, caller);
    const [, repository = '', place = '', last = ''] =
      /^(.+)\/(manifests|blobs|referrers|tags)\/([^/]+)$/.exec(path) ?? [];
    if (place === '') throw notFound(`resource not found: /v2/${path}`);
    const name = parseMirrorName(repository, textOf(request, 'ns'));
    const tag = place === 'manifests' && isTag(last) ? { tag: last } : {};
    readers.authorize(caller, { ...name, ...tag }, undefined);
    const asked = { name, request, reply, signal: signalOf(reply) };
    if (place === 'manifests') return this.#answerManifest(asked, last);
    if (place === 'blobs') return this.#answerBlob(asked, last);
    if (place === 'referrers') return this.#answerReferrers(asked, last);
    return this.#answerTags(asked, last);
  }

  async #answerManifest({ name, request, reply, signal }: Asked, tagOrDigest: string): Promise<FastifyReply> {
    if (!isTag(tagOrDigest) && !isDigest(tagOrDigest)) {
      throw new RegistryError(400, 'MANIFEST_INVALID', `invalid tag or digest ${quote(tagOrDigest, 160)}`, {
        hint: 'A digest is sha256: and 64 lower-case hex digits.',
      });
    }
    const { descriptor, bytes } = await this.#content.manifest(name, tagOrDigest, signal);
    reply.header('docker-content-digest', descriptor.digest).header('etag', `"${descriptor.digest}"`);
    reply.header('cache-control', cacheControl(isDigest(tagOrDigest), this.#dependencies.readers));
    if (isNotModified(request.headers['if-none-match'], `"${descriptor.digest}"`)) return reply.status(304).send();
    return reply.header('content-type', descriptor.mediaType).send(bufferOf(bytes));
  }

  async #answerBlob({ name, request, reply, signal }: Asked, digest: string): Promise<FastifyReply> {
    if (!isDigest(digest)) throw invalidDigest(digest);
    const { bytes } = await this.#content.blob(name, digest, signal);
    reply.header('docker-content-digest', digest).header('etag', `"${digest}"`).header('accept-ranges', 'bytes');
    reply.header('cache-control', cacheControl(true, this.#dependencies.readers));
    if (isNotModified(request.headers['if-none-match'], `"${digest}"`)) return reply.status(304).send();
    reply.header('content-type', 'application/octet-stream');
    const condition = request.headers['if-range'];
    const usesRange = request.method === 'GET' && (condition === undefined || condition === `"${digest}"`);
    const range = usesRange ? parseRange(request.headers.range, bytes.length) : undefined;
    if (range === undefined) return reply.send(bufferOf(bytes));
    if (range === 'unsatisfiable') {
      throw new RegistryError(416, 'SIZE_INVALID', `the range is outside the ${bytes.length} bytes of the blob`, {
        hint: 'Ask for a range within the blob.',
        headers: { 'content-range': `bytes */${bytes.length}` },
      });
    }
    const { first, last } = range;
    reply.header('content-range', `bytes ${first}-${last}/${bytes.length}`);
    return reply.status(206).send(bufferOf(bytes.subarray(first, last + 1)));
  }

  async #answerReferrers({ name, request, reply, signal }: Asked, digest: string): Promise<FastifyReply> {
    if (!isDigest(digest)) throw invalidDigest(digest);
    const artifactType = textOf(request, 'artifactType');
    const all = await this.#content.referrers(name, digest, signal);
    const manifests = artifactType === undefined ? all : all.filter((each) => each.artifactType === artifactType);
    if (artifactType !== undefined) reply.header('oci-filters-applied', 'artifactType');
    const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests };
    reply.header('cache-control', cacheControl(false, this.#dependencies.readers));
    return reply.header('content-type', mediaTypes.index).send(Buffer.from(JSON.stringify(index)));
  }

  async #answerTags({ name, request, reply, signal }: Asked, last: string): Promise<FastifyReply> {
    if (last !== 'list') throw notFound(`resource not found: ${request.url}`);
    const tags = await this.#content.tags(name, signal);
    const page = pageOf(tags, request.query);
    if (page.next !== undefined) reply.header('link', linkTo(request, page.next));
    const { registry, repository } = name;
    const asNamed = textOf(request, 'ns') === undefined ? mirrorName({ registry, repository }) : repository;
    return sendJson(reply, { name: asNamed, tags: page.names });
  }

  /** Lists the repositories of the catalogs that the caller may read. */
  async #answerCatalog(request: Request, reply: FastifyReply, caller: Caller): Promise<FastifyReply> {
    const { readers } = this.#dependencies;
    readers.admit(caller);
    const names = this.#content.repositories.filter((name) => readers.mayRead(caller, name, undefined)).map(mirrorName);
    const page = pageOf(names.sort(), request.query);
    if (page.next !== undefined) reply.header('link', linkTo(request, page.next));
    return sendJson(reply, { repositories: page.names });
  }
}

function sendJson(reply: FastifyReply, value: object): FastifyReply {
  return reply.header('content-type', 'application/json').send(Buffer.from(JSON.stringify(value)));
}

/** Returns the header that links to the next page (RFC 5988), with the parameters of this one. */
function linkTo(request: Request, { n, last }: { readonly n: number; readonly last: string }): string {
  const query = new URLSearchParams({ n: String(n), last });
  const ns = textOf(request, 'ns');
  if (ns !== undefined) query.set('ns', ns);
  return `<${request.url.replace(/\?.*$/, '')}?${query}>; rel="next"`;
}

function textOf({ query }: Request, name: string): string | undefined {
  const value = query[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function invalidDigest(text: string): RegistryError {
  return new RegistryError(400, 'DIGEST_INVALID', `invalid digest ${quote(text, 160)}`, {
    hint: 'A digest is sha256: and 64 lower-case hex digits.',
  });
}

function notFound(message: string): FairleadError {
  return new FairleadError('NotFound', message);
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
