import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Artifact } from '#lib/artifact/artifact';
import { mediaTypes } from '#lib/registry/descriptor';
import { digestAlgorithms, digestOf } from '#lib/registry/digest';

/** What the registry has under a digest. */
interface Served {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

/**
 * A registry in memory, on loopback, that counts its requests. It serves what was added under each
 * algorithm of digests, has the referrers API, and asks for a password where a test wants it to.
 */
export class ServingRegistry {
  /** `METHOD place digest` of each request, without those that were refused with 401. */
  readonly requests: string[] = [];
  /** Passwords by user that may read; undefined lets all clients read. */
  users: Readonly<Record<string, string>> | undefined;
  /** If set, requests are accepted and never answered. */
  silent = false;
  readonly #repositories = new Map<string, Map<string, Served>>();
  readonly #referrers = new Map<string, object[]>();
  readonly #server: Server;
  readonly #waiting = new Set<() => void>();

  constructor() {
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  /** `127.0.0.1:PORT` */
  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Starts to listen. */
  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Serves an artifact in a repository; one with a subject as a referrer of it. */
  add(repository: string, { descriptor, manifest, manifestBytes, blobs }: Artifact): void {
    const content = this.#repositories.get(repository) ?? new Map<string, Served>();
    this.#repositories.set(repository, content);
    const parts = [
      { mediaType: descriptor.mediaType, bytes: manifestBytes },
      ...blobs.map(({ bytes }) => ({ mediaType: 'application/octet-stream', bytes })),
    ];
    for (const part of parts) {
      for (const algorithm of digestAlgorithms) content.set(digestOf(part.bytes, algorithm), part);
    }
    const { subject } = manifest;
    if (subject === undefined) return;
    const key = `${repository} ${subject.digest}`;
    this.#referrers.set(key, [...(this.#referrers.get(key) ?? []), descriptor]);
  }

  /** Serves other bytes under a digest, whatever they are. */
  replace(repository: string, digest: string, bytes: Uint8Array, mediaType = 'application/octet-stream'): void {
    this.#repositories.get(repository)?.set(digest, { mediaType, bytes });
  }

  /** Resolves with the next request that comes while the registry is silent. */
  nextSilence(): Promise<void> {
    return new Promise((resolve) => this.#waiting.add(resolve));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    if (!this.#mayRead(request)) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="test"' }).end();
      return;
    }
    const [, repository = '', place = '', name = ''] =
      /^\/v2\/(.+)\/(manifests|blobs|referrers)\/([^/?]+)/.exec(request.url ?? '') ?? [];
    this.requests.push(`${request.method} ${place} ${name}`);
    if (this.silent) {
      for (const resolve of this.#waiting) resolve();
      this.#waiting.clear();
      return;
    }
    const found =
      place === 'referrers' ? this.#listOf(repository, name) : this.#repositories.get(repository)?.get(name);
    if (found === undefined) response.writeHead(404).end();
    else send(request, response, found, name);
  }

  #listOf(repository: string, subject: string): Served {
    const manifests = this.#referrers.get(`${repository} ${subject}`) ?? [];
    const list = { schemaVersion: 2, mediaType: mediaTypes.index, manifests };
    return { mediaType: mediaTypes.index, bytes: Buffer.from(JSON.stringify(list)) };
  }

  #mayRead({ headers }: IncomingMessage): boolean {
    if (this.users === undefined) return true;
    const [scheme, encoded = ''] = (headers.authorization ?? '').split(' ');
    const [user = '', password] = Buffer.from(encoded, 'base64').toString('utf8').split(':');
    return scheme === 'Basic' && password !== undefined && this.users[user] === password;
  }
}

function send(request: IncomingMessage, response: ServerResponse, { mediaType, bytes }: Served, name: string): void {
  response.writeHead(200, {
    'content-type': mediaType,
    'content-length': bytes.length,
    ...(mediaType !== mediaTypes.index && { 'docker-content-digest': name }),
  });
  response.end(request.method === 'HEAD' ? undefined : bytes);
}
