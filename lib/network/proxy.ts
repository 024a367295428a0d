import { BlockList, isIP } from 'node:net';
import { FairleadError } from '#lib/errors';
import { isLoopback } from './loopback.ts';

/**
 * Proxies by the scheme of the request, and the hosts, domains, addresses and networks, separated
 * by commas, that are reached without one.
 */
export interface Proxies {
  readonly http?: string | undefined;
  readonly https?: string | undefined;
  readonly noProxy?: string | undefined;
}

/**
 * Returns the proxies in HTTP_PROXY, HTTPS_PROXY and NO_PROXY, in upper or lower case, or
 * undefined. As in curl, a proxy without a scheme is an HTTP proxy. Throws InvalidInput with the
 * name of the variable, not with its value, which may hold a password.
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
 * Returns the proxy for a URL, or undefined for this machine, for hosts in NO_PROXY, and if no
 * proxy is set for the scheme. NO_PROXY is read as Go reads it: `*`, `example.com` (with all
 * subdomains), `.example.com` and `*.example.com` (only subdomains), addresses, and networks such
 * as `10.0.0.0/8`. All but networks may have a port.
 */
export function proxyFor(url: URL, proxies: Proxies | undefined): string | undefined {
  const proxy = url.protocol === 'https:' ? proxies?.https : proxies?.http;
  if (!proxy || isLoopback(url)) return undefined;
  const host = url.hostname.replace(/^\[(.+)\]$/, '$1').replace(/\.$/, '');
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  const entries = (proxies?.noProxy ?? '').toLowerCase().split(/[\s,]+/);
  return entries.some((entry) => entry !== '' && excepts(entry, host, port)) ? undefined : proxy;
}

/** Reports whether an entry of NO_PROXY matches a host, without brackets, and port. */
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
