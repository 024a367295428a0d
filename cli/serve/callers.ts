import type { Logger } from 'pino';
import { FairleadError } from '#lib/errors';
import type { NetworkOptions } from '#lib/network/network-options';
import type { Authorization } from '#services/callers/authorization';
import type { AuthorizationSource } from '#services/callers/follow-authorization';

/** How the callers of the services are known, and what they may do. */
export interface Callers {
  /** The authorization file, or what holds without one. */
  readonly authorization: { readonly current: Authorization } & Partial<AuthorizationSource>;
  /** What the tokens of issuers must be for. */
  readonly audience: string | undefined;
  /** How issuers are asked for their keys. */
  readonly network: NetworkOptions;
}

/**
 * Opens the authorization file; without one, only the holder of the token may publish, and anyone
 * may read. Throws InvalidInput if it is invalid, or lists issuers and there is no audience.
 */
export async function openCallers(
  { file, audience, network }: { file: string | undefined; audience: string | undefined; network: NetworkOptions },
  logger: Logger,
): Promise<Callers> {
  if (file === undefined) {
    if (audience !== undefined) {
      throw new FairleadError('InvalidInput', '--audience has no effect without --authorization');
    }
    const { defaultAuthorization } = await import('#services/callers/authorization');
    return { authorization: { current: defaultAuthorization }, audience, network };
  }
  const { followAuthorization } = await import('#services/callers/follow-authorization');
  const authorization = await followAuthorization(file, { log: logger });
  if (authorization.current.issuers.length > 0 && audience === undefined) {
    authorization.stop();
    throw new FairleadError('InvalidInput', `${file} lists issuers of tokens, but the service has no audience`, {
      hint: 'Use --audience with what the tokens are issued for, such as the URL of the service.',
    });
  }
  return { authorization, audience, network };
}
