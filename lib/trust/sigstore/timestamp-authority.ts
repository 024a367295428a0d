import { createHash } from 'node:crypto';
import { FairleadError } from '#lib/errors';
import type { AskService } from '../../network/service-client.ts';
import { serviceError } from './service-answer.ts';

/** `granted` and `grantedWithMods` (RFC 3161, 2.4.2). */
const granted: ReadonlySet<bigint> = new Set([0n, 1n]);

/**
 * Requests a timestamp of a signature from an authority (RFC 3161, over HTTP as in section 3.4).
 * Returns the answer (TimeStampResp, DER). For a URL without a path, the path of Sigstore's
 * authorities is used. Throws Unavailable if no timestamp is granted.
 */
export async function requestTimestamp(ask: AskService, url: string, signature: Uint8Array): Promise<Buffer> {
  const answer = await ask({
    method: 'POST',
    url: new URL(url).pathname === '/' ? `${url}/api/v1/timestamp` : url,
    headers: { 'content-type': 'application/timestamp-query', accept: 'application/timestamp-reply' },
    body: timestampRequest(signature),
  });
  if (answer.status >= 300) throw serviceError(url, answer);
  const { RFC3161Timestamp } = await import('@sigstore/core');
  let status: bigint | undefined;
  try {
    status = BigInt(RFC3161Timestamp.parse(Buffer.from(answer.body)).status);
  } catch {
    // Malformed: not granted.
  }
  if (status !== undefined && granted.has(status)) return answer.body;
  throw new FairleadError('Unavailable', `${url} did not grant a timestamp`, {
    hint: 'Nothing was published under the tag. Check the timestamp authorities of the signing config.',
  });
}

/**
 * TimeStampReq ::= SEQUENCE { version 1, messageImprint SEQUENCE { SEQUENCE { sha256, NULL }, OCTET
 * STRING }, certReq TRUE }, in DER. It needs no nonce: a signature is never the same twice.
 */
function timestampRequest(signature: Uint8Array): Buffer {
  return Buffer.concat([
    Buffer.from('30390201013031300d060960864801650304020105000420', 'hex'),
    createHash('sha256').update(signature).digest(),
    Buffer.from('0101ff', 'hex'),
  ]);
}
