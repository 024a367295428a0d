/**
 * The parts of undici that are used here, each from its own file: the package's index also loads
 * fetch, WebSocket, caches and mocks, which takes twice the time and 13 MiB more. The package has
 * no `exports` of its own and is pinned to one version.
 */
import { createRequire } from 'node:module';
import type undici from 'undici';
import type { Dispatcher } from 'undici';

const require = createRequire(import.meta.url);

export const Agent: typeof undici.Agent = require('undici/lib/dispatcher/agent.js');

const requestOf: (this: Dispatcher, options: Dispatcher.RequestOptions) => Promise<Dispatcher.ResponseData> =
  require('undici/lib/api/api-request.js');

/** undici's `request`: the answer's headers, with its body to be read. */
export function request(
  dispatcher: Dispatcher,
  url: URL,
  options: Omit<Dispatcher.RequestOptions, 'origin' | 'path'>,
): Promise<Dispatcher.ResponseData> {
  return requestOf.call(dispatcher, { ...options, origin: url.origin, path: url.pathname + url.search });
}

/** Loads undici's agent for proxies, which few need: it takes the whole package. */
export function loadProxyAgent(): typeof undici.ProxyAgent {
  return (require('undici') as typeof undici).ProxyAgent;
}
