import { generateKeyPairSync, sign } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ASN1Obj } from '@sigstore/core';
import { fulcioHandler, tsaHandler } from '@sigstore/mock';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import type { PrivateSigstore } from './private-sigstore.ts';
import { dsseEntry } from './rekor-v1.ts';

/** A private Sigstore that other programs can use. */
export interface SigstoreServer {
  /** The signing config with its services, for `cosign --signing-config`. */
  readonly signingConfig: object;
  stop(): Promise<void>;
}

/** Rekor's name for an entry: the key in its answer, and its ETag. */
const entryId = '0'.repeat(64);

export interface ServerOptions {
  /** The kind of transparency log that the signing config names. */
  readonly rekor?: 1 | 2;
  /** The claim of a token that becomes the identity in the certificate. */
  readonly subjectClaim?: 'email' | 'sub';
  /**
   * The OIDC issuer whose tokens the certificate authority accepts; without one, it accepts every
   * token.
   */
  readonly oidcIssuer?: string;
}

/**
 * Serves Fulcio, Rekor v1 and v2, and a timestamp authority on one loopback port, as far as signing
 * with cosign and Fairlead needs them.
 */
export async function serveSigstore(
  { services: { ca, log, logV2, tsa } }: PrivateSigstore,
  { rekor = 1, subjectClaim = 'email', oidcIssuer }: ServerOptions = {},
): Promise<SigstoreServer> {
  const fulcio = fulcioHandler(ca, { subjectClaim });
  const jsonTimestamps = tsaHandler(tsa);

  async function answer(
    path: string,
    authorization: string,
    body: Buffer,
  ): Promise<{ type: string; content: string | Buffer }> {
    if (path === fulcio.path) {
      if (oidcIssuer !== undefined)
        await assertToken(JSON.parse(body.toString()).credentials.oidcIdentityToken, oidcIssuer);
      // cosign sends the token in a header, and the handler expects it in the body.
      const credentials = { oidcIdentityToken: authorization.replace(/^Bearer /, '') };
      const { response, contentType = 'text/plain' } = await fulcio.fn(
        JSON.stringify({ credentials, ...JSON.parse(body.toString()) }),
      );
      return { type: contentType, content: response.toString() };
    }
    if (path === '/api/v1/signingCert') {
      // The API that cosign 2 uses: a key in PEM, and a chain in PEM as the answer.
      const { publicKey, signedEmailAddress } = JSON.parse(body.toString());
      const request = {
        credentials: { oidcIdentityToken: authorization.replace(/^Bearer /, '') },
        publicKeyRequest: {
          publicKey: { algorithm: 'ECDSA', content: Buffer.from(publicKey.content, 'base64').toString() },
          proofOfPossession: signedEmailAddress,
        },
      };
      const { response } = await fulcio.fn(JSON.stringify(request));
      const { chain } = JSON.parse(response.toString()).signedCertificateEmbeddedSct;
      return { type: 'application/pem-certificate-chain', content: chain.certificates.join('\n') };
    }
    if (path === '/api/v1/log/entries') {
      const proposed = JSON.parse(body.toString());
      const { proposedContent } = proposed.spec;
      // A hashedrekord is entered as it is proposed.
      const entry = await log(
        proposed.kind === 'hashedrekord' ? proposed : dsseEntry(proposedContent.envelope, proposedContent.verifiers[0]),
      );
      return { type: 'application/json', content: JSON.stringify({ [entryId]: entry }) };
    }
    if (path === '/api/v2/log/entries') {
      return { type: 'application/json', content: JSON.stringify(logV2.enter(JSON.parse(body.toString()))) };
    }
    if (path === '/api/v1/timestamp' && body[0] === 0x7b) {
      // A client that sends JSON, which Sigstore's own authorities accept too.
      const { response } = await jsonTimestamps.fn(body.toString());
      return { type: 'application/timestamp-reply', content: Buffer.from(response as Buffer) };
    }
    if (path === '/api/v1/timestamp') {
      // TimeStampReq ::= SEQUENCE { version, messageImprint { hashAlgorithm { oid }, hashedMessage
      // }, … nonce … } (RFC 3161)
      const [, imprint, ...rest] = ASN1Obj.parseBuffer(Buffer.from(body)).subs;
      const nonce = rest.find(({ tag }) => tag.number === 0x02)?.toInteger();
      const reply = await tsa.timestamp({
        artifactHash: Buffer.from(imprint?.subs[1]?.value ?? []),
        hashAlgorithmOID: imprint?.subs[0]?.subs[0]?.toOID() ?? '',
        nonce: Number(nonce ?? 0),
        policyOID: '1.3.6.1.4.1.57264.2',
        certReq: true,
      });
      return {
        type: 'application/timestamp-reply',
        content: Buffer.from(reply.buffer, reply.byteOffset, reply.byteLength),
      };
    }
    throw new Error(`no service at ${path}`);
  }

  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    (async () => {
      const pieces: Buffer[] = [];
      for await (const piece of request) pieces.push(piece);
      const { type, content } = await answer(
        request.url ?? '',
        request.headers.authorization ?? '',
        Buffer.concat(pieces),
      );
      // Fulcio answers 200, the others 201.
      response
        .writeHead(request.url === fulcio.path ? 200 : 201, {
          'content-type': type,
          etag: entryId,
          location: `/api/v1/log/entries/${entryId}`,
        })
        .end(content);
    })().catch((error) => response.writeHead(400).end(String(error)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const service = (at = url, majorApiVersion = 1): object[] => [
    { url: at, majorApiVersion, validFor: { start: '2020-01-01T00:00:00Z' }, operator: 'test' },
  ];
  return {
    signingConfig: {
      mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
      caUrls: service(),
      oidcUrls: service(oidcIssuer),
      rekorTlogUrls: service(url, rekor),
      rekorTlogConfig: { selector: 'ANY' },
      tsaUrls: service(`${url}/api/v1/timestamp`),
      tsaConfig: { selector: 'ANY' },
    },
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/**
 * Throws if a token is not signed by this issuer, is for another audience, or has expired, as
 * Fulcio does.
 */
async function assertToken(token: string, issuer: string): Promise<void> {
  const discovered = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
  const keys = await (await fetch((discovered as { jwks_uri: string }).jwks_uri)).json();
  await jwtVerify(token, createLocalJWKSet(keys as JSONWebKeySet), { issuer, audience: 'sigstore' });
}

/**
 * Returns an identity token that this server accepts, as it does any: a JWT, signed with an unknown
 * key.
 */
export function identityToken(issuer: string, email: string, more: object = {}): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: issuer,
    sub: email,
    email,
    email_verified: true,
    aud: 'sigstore',
    iat: now,
    exp: now + 600,
    ...more,
  };
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}`;
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const signature = sign('sha256', Buffer.from(signed), privateKey);
  return `${signed}.${signature.toString('base64url')}`;
}
