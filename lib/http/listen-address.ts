import { once } from 'node:events';
import { type AddressInfo, isIPv6, Server } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import type { FastifyInstance } from 'fastify';
import { FairleadError } from '#lib/errors';
import { quote } from '../text/quote.ts';

/** Where a server listens. Port 0 stands for any free one. */
export interface ListenAddress {
  /** A host name or an address, without brackets. */
  readonly host: string;
  readonly port: number;
}

/** Parses `host:port` or `[IPv6 address]:port`. Throws InvalidInput. */
export function parseListenAddress(text: string): ListenAddress {
  const [, bracketed, name, port] = /^(?:\[([^\]]*)\]|([^:[\]\s]+)):([0-9]{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? name;
  const isValid = bracketed === undefined || isIPv6(bracketed);
  if (host !== undefined && isValid && Number(port) <= 65_535) return { host, port: Number(port) };
  throw new FairleadError('InvalidInput', `invalid listen address ${quote(text)}: want host:port or [IPv6]:port`, {
    hint: 'Write it as 127.0.0.1:9443 or [::]:9443, for example.',
  });
}

/** Prints an address: `host:port` or `[IPv6]:port`. The inverse of parseListenAddress. */
export function formatListenAddress({ host, port }: ListenAddress): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

/**
 * Returns the line for the log: Fastify does not know of the TLS of a server that it did not make.
 */
function listening({ server }: FastifyInstance, url: string): string {
  return `Server listening at ${server instanceof TlsServer ? url.replace(/^http:/, 'https:') : url}`;
}

/**
 * Starts a server at an address and returns where it listens. Throws Unavailable if the address is
 * not of this machine, or is in use. `purpose` is what the address is for, such as `metrics`.
 */
export async function listen(
  server: Server | FastifyInstance,
  address: ListenAddress,
  purpose?: string,
): Promise<ListenAddress> {
  const { host, port } = address;
  try {
    if (!(server instanceof Server))
      await server.listen({ host, port, listenTextResolver: (at) => listening(server, at) });
    else await once(server.listen(port, host), 'listening');
  } catch (cause) {
    const what = `${formatListenAddress(address)}${purpose === undefined ? '' : ` for ${purpose}`}`;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FairleadError('Unavailable', `cannot listen on ${what}: ${reason}`, {
      cause,
      hint: 'Choose an address of this machine and a port that is free.',
    });
  }
  const bound = (server instanceof Server ? server : server.server).address() as AddressInfo;
  return { host: bound.address, port: bound.port };
}
