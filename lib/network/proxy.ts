import { BlockList, isIP } from 'node:net';
import { FairleadError } from '#lib/errors';
import { isLoopback } from './loopback.ts';

/**
 * URLs of proxies by the scheme of what is asked for, and who is asked without one: hosts, domains,
 * addresses and networks, by commas.
 */
export interface Proxies {
  readonly http?: string | undefined;
  readonly https?: string | undefined;
  readonly noProxy?: string | undefined;
}

/**
 * The proxies that HTTP_PROXY, HTTPS_PROXY and NO_PROXY name, in either case; undefined where none.
 * As for curl, a proxy without a scheme is spoken to in HTTP. Throws InvalidInput, naming the
 * variable and not its value, which may hold a password.
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

/**
 * The proxy to ask for a URL; undefined for this machine, for what NO_PROXY names, and where there
 * is none for the scheme. NO_PROXY is read as Go reads it, and with it the tools that reach the
 * same registries: `*`, `example.com` (with all below it), `.example.com` and `*.example.com` (only
 * what is below it), addresses, networks such as `10.0.0.0/8`, each but the last with a port if
 * need be.
 */
export function proxyFor(url: URL, proxies: Proxies | undefined): string | undefined {
  const proxy = url.protocol === 'https:' ? proxies?.https : proxies?.http;
  if (!proxy || isLoopback(url)) return undefined;
  const host = url.hostname.replace(/^\[(.+)\]$/, '$1').replace(/\.$/, '');
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  const entries = (proxies?.noProxy ?? '').toLowerCase().split(/[\s,]+/);
  return entries.some((entry) => entry !== '' && excepts(entry, host, port)) ? undefined : proxy;
}

/** Says whether an entry of NO_PROXY names a host, given without brackets, and port. */
function excepts(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  if (entry.includes('/')) return isInNetwork(host, entry);
  const [, bracketed, name = bracketed ?? entry, entryPort] = /^(?:\[(.+)\]|([^:]+))(?::([0-9]+))?$/.exec(entry) ?? [];
  if (entryPort !== undefined && entryPort !== port) return false;
  // An address has several spellings.
  if (isIP(name) !== 0) return isInNetwork(host, `${name}/${isIP(name) === 4 ? 32 : 128}`);
  const domain = name.replace(/^\*(?=\.)/, '').replace(/\.$/, '');
  return domain.startsWith('.') ? host.endsWith(domain) : host === domain || host.endsWith(`.${domain}`);
}

function isInNetwork(host: string, network: string): boolean {
  const [, address = '', length = ''] = /^(.+)\/([0-9]{1,3})$/.exec(network) ?? [];
  const version = isIP(address);
  if (version === 0 || isIP(host) !== version || Number(length) > (version === 4 ? 32 : 128)) return false;
  const family = version === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(address, Number(length), family);
  return list.check(host, family);
}
