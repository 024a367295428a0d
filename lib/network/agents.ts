import { getCACertificates } from 'node:tls';
import type { Dispatcher } from 'undici';
import type { Connection } from './connection.ts';
import type { Tls } from './hosts/tls.ts';
import { proxyFor } from './proxy.ts';

/**
 * Agents by their connection. The whole process shares them, so that all repositories of a registry
 * use the same connections.
 */
const agents = new Map<string, Promise<Dispatcher>>();

/** Returns the agent for a URL. undici is loaded with the first request, since it takes a while. */
export async function agentFor(url: URL, { connectTimeout, tls, proxy }: Connection): Promise<Dispatcher> {
  const through = proxyFor(url, proxy);
  const key = JSON.stringify([connectTimeout, tls, through]);
  const found = agents.get(key) ?? makeAgent(connectTimeout, tls, through);
  agents.set(key, found);
  return found;
}

/** Loads the HTTP client, which takes tens of milliseconds. The first request does it otherwise. */
export function loadHttpClient(): Promise<typeof import('undici')> {
  return import('undici');
}

async function makeAgent(timeout: number, tls: Tls | undefined, proxy: string | undefined): Promise<Dispatcher> {
  const { Agent, ProxyAgent } = await loadHttpClient();
  const secure = tls === undefined ? {} : tlsOptions(tls);
  const pool = { connections: 16, keepAliveTimeout: 15_000, connect: { timeout, ...secure } };
  if (proxy === undefined) return new Agent(pool);
  return new ProxyAgent({ ...pool, requestTls: secure, uri: proxy });
}

function tlsOptions({ authorities, identities, skipVerify }: Tls): object {
  return {
    ...(authorities.length > 0 ? { ca: [...getCACertificates('default'), ...authorities] } : {}),
    ...(identities.length > 0
      ? { cert: identities.map(({ certificate }) => certificate), key: identities.map(({ key }) => key) }
      : {}),
    ...(skipVerify ? { rejectUnauthorized: false } : {}),
  };
}
