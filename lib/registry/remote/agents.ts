import { getCACertificates } from 'node:tls';
import type { Dispatcher } from 'undici';
import { FairleadError } from '#lib/errors';
import { isLoopback } from './plain-http.ts';

/** Whom we trust, and who we are, in TLS with one host; all PEM. */
export interface Tls {
  /** Authorities that are trusted beside the system's. */
  readonly authorities: readonly string[];
  /** Client certificates (with the chain) and their keys. */
  readonly identities: readonly { readonly certificate: string; readonly key: string }[];
  /** Trust any certificate: only where a configuration file says so in so many words. */
  readonly skipVerify: boolean;
}

/** URLs of proxies by the scheme of what is asked for, and who is asked without one: hosts, domains and host:port, by commas. */
export interface Proxies {
  readonly http?: string | undefined;
  readonly https?: string | undefined;
  readonly noProxy?: string | undefined;
}

/** How connections are made. `connectTimeout` is in milliseconds. */
export interface Connection {
  readonly connectTimeout: number;
  readonly tls?: Tls | undefined;
  readonly proxy?: Proxies | undefined;
}

/**
 * The proxies that HTTP_PROXY, HTTPS_PROXY and NO_PROXY name, in either case; undefined where none. As for curl, a proxy without a scheme
 * is spoken to in HTTP. Throws InvalidInput, naming the variable and not its value, which may hold a password.
 */
export function proxyFromEnvironment(env: Readonly<Record<string, string | undefined>>): Proxies | undefined {
  const http = proxyUrl(env, 'http_proxy');
  const https = proxyUrl(env, 'https_proxy');
  if (!http && !https) return undefined;
  return { http, https, noProxy: env['no_proxy'] || env['NO_PROXY'] };
}

function proxyUrl(env: Readonly<Record<string, string | undefined>>, name: string): string | undefined {
  const variable = env[name] ? name : name.toUpperCase();
  const value = env[variable];
  if (!value) return undefined;
  const url = value.includes('://') ? value : `http://${value}`;
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url;
  throw new FairleadError('InvalidInput', `${variable} is not the URL of an HTTP proxy`, {
    hint: 'Write it as http://proxy.example.com:3128. SOCKS proxies are not supported.',
  });
}

/** Agents by how they connect. Shared by the whole process, so that every repository of a registry uses the same connections. */
const agents = new Map<string, Promise<Dispatcher>>();

/** The agent for a URL. This machine is never asked through a proxy. undici takes a while to load: it is, at the first request only. */
export async function agentFor(url: URL, connection: Connection): Promise<Dispatcher> {
  const used = isLoopback(url) ? { ...connection, proxy: undefined } : connection;
  const key = JSON.stringify([used.connectTimeout, used.tls, used.proxy]);
  const found = agents.get(key) ?? makeAgent(used);
  agents.set(key, found);
  return found;
}

async function makeAgent({ connectTimeout, tls, proxy }: Connection): Promise<Dispatcher> {
  const { Agent, loadProxyAgent } = await import('./undici.ts');
  const secure = tls === undefined ? {} : tlsOptions(tls);
  const pool = { connections: 16, keepAliveTimeout: 15_000, connect: { timeout: connectTimeout, ...secure } };
  if (proxy === undefined) return new Agent(pool);
  // Empty, not left out: what is left out would be taken from this process's own environment.
  const { http = '', https = '', noProxy = '' } = proxy;
  const EnvHttpProxyAgent = loadProxyAgent();
  return new EnvHttpProxyAgent({ ...pool, requestTls: secure, httpProxy: http, httpsProxy: https, noProxy });
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
