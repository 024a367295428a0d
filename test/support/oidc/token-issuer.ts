import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWTHeaderParameters, type JWTPayload, SignJWT } from 'jose';

/** An OIDC issuer on a loopback port that serves what a test asks for, and counts its requests. */
export interface TokenIssuer {
  readonly url: string;
  /** The paths that were asked for. */
  readonly requests: string[];
  /** Replaces the answer to a path. */
  readonly answers: Map<string, (response: ServerResponse) => void>;
  /** The first public key. */
  readonly publicKey: Parameters<typeof exportJWK>[0];
  /** Signs a token; the claims that are given replace those of a valid one for `audience`. */
  sign(claims?: JWTPayload, header?: Partial<JWTHeaderParameters>): Promise<string>;
  /** Uses another key from now on, with another key id. */
  rotate(): Promise<void>;
  stop(): Promise<void>;
}

/** The audience of its tokens. */
export const audience = 'https://fairlead.example.com';

/** Starts an issuer with a key of its own. */
export async function startTokenIssuer(): Promise<TokenIssuer> {
  const requests: string[] = [];
  const answers: TokenIssuer['answers'] = new Map();
  let key = await generateKeyPair('ES256', { extractable: true });
  let kid = 1;
  const server = createServer(async ({ url: path = '' }, response) => {
    requests.push(path);
    const answer = answers.get(path);
    if (answer !== undefined) return answer(response);
    if (path === '/.well-known/openid-configuration') return json(response, { issuer: url, jwks_uri: `${url}/keys` });
    if (path === '/keys') {
      const jwk = { ...(await exportJWK(key.publicKey)), kid: String(kid), use: 'sig', alg: 'ES256' };
      return json(response, { keys: [jwk] });
    }
    response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    requests,
    answers,
    publicKey: key.publicKey,
    sign(claims = {}, header = {}) {
      const now = Math.floor(Date.now() / 1000);
      const payload = {
        iss: url,
        sub: 'repo:example/app:ref:refs/heads/main',
        aud: audience,
        iat: now,
        exp: now + 300,
      };
      return new SignJWT({ ...payload, ...claims })
        .setProtectedHeader({ alg: 'ES256', kid: String(kid), ...header })
        .sign(key.privateKey);
    },
    async rotate() {
      key = await generateKeyPair('ES256', { extractable: true });
      kid++;
    },
    stop() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Answers with a JSON document. */
export function json(response: ServerResponse, document: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document));
}
