import { createHash, X509Certificate } from 'node:crypto';
import { TransparencyLogEntry } from '@sigstore/protobuf-specs';
import type { Witness } from '@sigstore/sign';
import { preAuthEncoding } from './dsse.ts';

/** A log entry has some kilobytes. */
const maxAnswerBytes = 1024 * 1024;

/**
 * Enters signatures in a log of Rekor's second kind, in the form that cosign 3 writes and verifies: an envelope as a hashedrekord
 * over the hash of what was signed. The client of `@sigstore/sign` still sends the older dsse entries, which cosign cannot read.
 */
export function rekorV2Witness(url: string, timeout: number): Witness {
  return {
    async testify(content, certificate) {
      if (content.$case !== 'dsseEnvelope') throw new Error('only envelopes are entered in a log');
      const { payload, payloadType, signatures } = content.dsseEnvelope;
      const request = {
        hashedRekordRequestV002: {
          digest: createHash('sha256').update(preAuthEncoding(payloadType, payload)).digest('base64'),
          signature: {
            content: signatures[0]?.sig.toString('base64'),
            verifier: {
              x509Certificate: { rawBytes: new X509Certificate(certificate).raw.toString('base64') },
              keyDetails: 'PKIX_ECDSA_P256_SHA_256',
            },
          },
        },
      };
      const entry = TransparencyLogEntry.fromJSON(await post(`${url}/api/v2/log/entries`, request, timeout));
      const { logId, kindVersion } = entry;
      if (logId === undefined || kindVersion === undefined) throw new Error('the log answered with no entry');
      return { tlogEntries: [{ ...entry, logId, kindVersion }] };
    },
  };
}

async function post(url: string, body: object, timeout: number): Promise<unknown> {
  const { EnvHttpProxyAgent, request } = await import('undici');
  const dispatcher = new EnvHttpProxyAgent();
  try {
    const response = await request(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(timeout),
      dispatcher,
    });
    const pieces: Buffer[] = [];
    let size = 0;
    for await (const piece of response.body as AsyncIterable<Buffer>) {
      size += piece.length;
      if (size > maxAnswerBytes) throw new Error(`${url} answered with more than ${maxAnswerBytes} bytes`);
      pieces.push(piece);
    }
    if (response.statusCode >= 300) throw new Error(`${url} answered ${response.statusCode}`);
    return JSON.parse(Buffer.concat(pieces).toString('utf8'));
  } finally {
    await dispatcher.destroy();
  }
}
