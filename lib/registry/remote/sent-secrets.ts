import { isDigest } from '../digest.ts';

/**
 * What of the headers of a request nobody must read in an error, though what answers may echo it:
 * credentials, as they were sent and as they are kept, and whatever the configuration of a host
 * adds (`configured`).
 */
export function sentSecrets(
  authorization: string | undefined,
  configured: Readonly<Record<string, string>> = {},
): readonly string[] {
  const [scheme = '', sent = ''] = (authorization ?? '').split(' ');
  const configuredValues = Object.values(configured).flatMap((value) => [value, ...value.split(' ').slice(1)]);
  if (scheme !== 'Basic') return [sent, ...configuredValues];
  const pair = Buffer.from(sent, 'base64').toString('utf8');
  const password = pair.slice(pair.indexOf(':') + 1);
  return [sent, pair, password, encodeURIComponent(password), ...configuredValues];
}

/**
 * The same of a URL that a registry gave: its query may be what lets somebody upload or download.
 */
export function querySecrets(url: URL): readonly string[] {
  return [...url.searchParams.values()].filter((value) => value.length >= 16 && !isDigest(value));
}
