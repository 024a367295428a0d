import type { FastifyRequest } from 'fastify';
import { HttpError } from '#lib/http/problem';
import { quote } from '#lib/text/quote';

/** The media types under which profiles are sent. */
export const profileTypes = ['application/json', 'application/octet-stream'] as const;

/**
 * Refuses a request whose body is not sent as a profile, or not as it is, before any of it is read.
 * Throws HttpError 415.
 */
export async function assertMediaType({ headers }: FastifyRequest): Promise<void> {
  const given = headers['content-type'];
  const coding = headers['content-encoding']?.trim() ?? '';
  if (coding !== '' && coding.toLowerCase() !== 'identity') {
    throw new HttpError(415, `the profile was sent with the content coding ${quote(coding)}`, {
      hint: 'Send it without Content-Encoding: it is signed and published byte for byte.',
      headers: { 'accept-encoding': 'identity' },
    });
  }
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  const essence = given?.split(';')[0]?.trim().toLowerCase();
  if (!hasBody || profileTypes.some((type) => type === essence)) return;
  const what = given === undefined ? 'no media type' : `the media type ${quote(given)}`;
  throw new HttpError(415, `the profile was sent with ${what}`, {
    hint: `Send it with Content-Type: ${profileTypes.join(' or ')}. To convert a profile in another form, run: fairlead convert --to runtime FILE`,
    headers: { accept: profileTypes.join(', ') },
  });
}
