/**
 * The parts of undici that are used here, each from its own file. The package's index also loads
 * fetch, WebSocket, caches and mocks: 50 to 90 ms at the start of each command, and 12 MiB. The
 * package has no `exports`, and is pinned to one version. A bundled program will not need this.
 */
import { createRequire } from 'node:module';
import type undici from 'undici';
import type { Dispatcher } from 'undici';

const require = createRequire(import.meta.url);

export const Agent: typeof undici.Agent = require('undici/lib/dispatcher/agent.js');

const requestOf: (this: Dispatcher, options: Dispatcher.RequestOptions) => Promise<Dispatcher.ResponseData> =
  require('undici/lib/api/api-request.js');

/** Sends a request and returns the headers of the answer, with the body still to be read. */
export function request(
  dispatcher: Dispatcher,
  url: URL,
  options: Omit<Dispatcher.RequestOptions, 'origin' | 'path'>,
): Promise<Dispatcher.ResponseData> {
  return requestOf.call(dispatcher, { ...options, origin: url.origin, path: url.pathname + url.search });
}

/** Loads undici's agent for proxies, with the whole package. Few users need it. */
export function loadProxyAgent(): typeof undici.ProxyAgent {
  return (require('undici') as typeof undici).ProxyAgent;
}
