import { FairleadError } from '#lib/errors';
import { isLoopback } from './loopback.ts';

/**
 * Throws NotAllowed where a URL is plain HTTP and not the registry's own API, spoken to so because
 * the user said it. This machine may be spoken to so where the registry is on it too: another
 * machine's registry has no business in sending us to services that listen here for us alone.
 * `what` names in the error what leads there.
 */
export function refusePlainHttp(url: URL, registry: URL, what: string): void {
  if (url.protocol === 'https:') return;
  if (url.protocol === 'http:' && ((isLoopback(url) && isLoopback(registry)) || url.origin === registry.origin)) return;
  throw new FairleadError('NotAllowed', `${what} leads to ${url.protocol}//${url.host}, which is not HTTPS`, {
    hint: 'Nothing was sent there. Let the registry use HTTPS for it.',
  });
}
