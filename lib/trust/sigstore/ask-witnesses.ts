import type { AskService } from '../../network/service-client.ts';
import type { Witnesses } from '../signature/write-bundle.ts';
import { enterInRekorV1, enterInRekorV2, type LoggedSignature } from './rekor.ts';
import type { SigningServices } from './signing-config.ts';
import { requestTimestamp } from './timestamp-authority.ts';

/**
 * Enters a signature in the logs of a signing config and requests timestamps from its authorities.
 * Returns the entries and timestamps as they are in a bundle. Throws Unavailable for an invalid
 * answer.
 */
export async function askWitnesses(
  ask: AskService,
  { logs, timestampAuthorities }: Pick<SigningServices, 'logs' | 'timestampAuthorities'>,
  { signature, ...logged }: LoggedSignature & { readonly signature: Uint8Array },
): Promise<Witnesses> {
  const [tlogEntries, timestamps] = await Promise.all([
    Promise.all(logs.map(({ url, version }) => (version === 2 ? enterInRekorV2 : enterInRekorV1)(ask, url, logged))),
    Promise.all(timestampAuthorities.map((url) => requestTimestamp(ask, url, signature))),
  ]);
  const rfc3161Timestamps = timestamps.map((each) => ({ signedTimestamp: each.toString('base64') }));
  return { tlogEntries, timestampVerificationData: { rfc3161Timestamps } };
}
