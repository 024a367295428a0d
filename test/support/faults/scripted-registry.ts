import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Server as TcpServer } from 'node:net';
import { after } from 'node:test';
import { mediaTypes } from '#lib/registry/descriptor';
import { type RemoteOptions, type RemoteRepository, remoteRepository } from '#lib/registry/remote/repository';
import { blob, manifest } from '#test/support/contract/content';

const servers: (Server | TcpServer)[] = [];
after(() => {
  for (const server of servers) {
    if ('closeAllConnections' in server) server.closeAllConnections();
    server.close();
  }
});

/**
 * Has a server listen on a free port until the tests of the file are over; gives its host and port.
 */
export async function listen(server: Server | TcpServer): Promise<string> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/**
 * A registry that does as the test says, to its end; gives a repository of it and the requests that
 * it saw.
 */
export async function serve(
  listener: RequestListener,
  options: RemoteOptions = {},
): Promise<{ target: RemoteRepository; seen: string[]; host: string }> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    listener(request, response);
  });
  const host = await listen(server);
  const target = remoteRepository(
    { registry: host, repository: 'a' },
    { retry: { attempts: 3, delay: 1 }, ...options },
  );
  return { target, seen, host };
}

export const image = manifest([], { annotations: { name: 'the right one' } });
export const other = manifest([], { annotations: { name: 'another one' } });
export const content = blob(Buffer.alloc(300_000, 'content '));

/** Answers with a manifest, to HEAD without its bytes; `digest` is what the answer claims. */
export function answerManifest(
  response: ServerResponse,
  request: IncomingMessage,
  bytes: Uint8Array,
  digest?: string,
): void {
  const headers = { 'content-type': mediaTypes.manifest, 'content-length': bytes.length };
  response.writeHead(200, digest === undefined ? headers : { ...headers, 'docker-content-digest': digest });
  response.end(request.method === 'HEAD' ? undefined : bytes);
}
