import type { RemoteOptions } from './api.ts';
import { createClient } from './client.ts';
import { listPages } from './pages.ts';

/**
 * Lists the repositories of a registry (Docker's `_catalog`, which the distribution-spec reserves
 * and not every registry supports). Credentials are looked up for a repository without a name.
 * Rejects with what the registry's answer means.
 */
export function remoteCatalog(
  registry: string,
  options: RemoteOptions & { readonly signal?: AbortSignal } = {},
): AsyncIterable<string> {
  const client = createClient({ registry, repository: '' }, options);
  return listPages(client, { to: '_catalog', scopes: ['registry:catalog:*'], signal: options.signal }, 'repositories');
}
