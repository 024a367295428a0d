import { FairleadError } from '#lib/errors';
import { isLoopback } from './loopback.ts';

/**
 * Throws NotAllowed if a URL is plain HTTP, unless it is the API of a registry that the user
 * allowed plain HTTP for, or both are on this machine: another machine must not send us to services
 * that listen on this machine only. `what` names in the error what leads there.
 */
export function refusePlainHttp(url: URL, registry: URL, what: string): void {
  if (url.protocol === 'https:') return;
  if (url.protocol === 'http:' && ((isLoopback(url) && isLoopback(registry)) || url.origin === registry.origin)) return;
  throw new FairleadError('NotAllowed', `${what} leads to ${url.protocol}//${url.host}, which is not HTTPS`, {
    hint: 'Nothing was sent there. Configure the registry to use HTTPS for it.',
  });
}
