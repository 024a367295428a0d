import { FairleadError } from '#lib/errors';
import type { CallOptions } from '../target.ts';
import type { RemoteOptions } from './api.ts';
import { createClient } from './client.ts';

/**
 * Verifies that a registry accepts the credentials of the options (distribution-spec, "Determining
 * Support"). Rejects with Unauthenticated if it, or its token service, does not, and with NotFound
 * if there is no registry. A registry without authentication accepts any.
 */
export async function checkLogin(registry: string, options: RemoteOptions & CallOptions): Promise<void> {
  const client = createClient({ registry, repository: '' }, options);
  try {
    const response = await client.send({
      method: 'GET',
      to: '',
      // The registry itself, not one of its mirrors.
      need: 'push',
      scopes: [],
      expect: [200],
      signal: options.signal,
    });
    await response.discard();
  } catch (cause) {
    if (!(cause instanceof FairleadError) || cause.kind !== 'Unauthenticated') throw cause;
    throw new FairleadError('Unauthenticated', `${registry} does not accept this user name and password`, {
      cause,
      hint: 'Check both. Many registries require a token instead of the password. Nothing was stored.',
    });
  }
}
