import { isDigest } from '../digest.ts';

/**
 * Returns the secrets in the headers of a request, which an answer may echo and an error must not
 * contain: credentials, as they were sent and as they are stored, and the headers that the
 * configuration of a host adds (`configured`).
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
  const encoded = [pair, password].flatMap((text) => {
    const bytes = Buffer.from(text);
    return [bytes.toString('base64').replace(/=+$/, ''), bytes.toString('base64url')];
  });
  return [sent, pair, password, encodeURIComponent(password), ...encoded, ...configuredValues];
}

/**
 * Returns the secrets in a URL that a registry returned: its query may authorize an upload or
 * download.
 */
export function querySecrets(url: URL): readonly string[] {
  return [...url.searchParams.values()].filter((value) => value.length >= 16 && !isDigest(value));
}
