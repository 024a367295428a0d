import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { identityToken } from '../sigstore/sigstore-server.ts';

/** Where a job of GitHub gets its identity token. */
export interface TokenEndpoint {
  readonly url: string;
  /** Authorizes the job. */
  readonly bearer: string;
  /** How many tokens were issued. */
  readonly issued: number;
  stop(): Promise<void>;
}

/** Serves tokens for the audience `sigstore`, as the token service of GitHub Actions does. */
export async function startTokenEndpoint(issuer: string, subject: string): Promise<TokenEndpoint> {
  const bearer = 'bearer-of-the-job';
  let issued = 0;
  const server = createServer(({ url = '', headers }, response) => {
    const audience = new URL(url, 'http://localhost').searchParams.get('audience');
    if (headers.authorization !== `Bearer ${bearer}` || audience !== 'sigstore') {
      response.writeHead(401).end();
      return;
    }
    issued += 1;
    const value = identityToken(issuer, subject, { email: undefined, email_verified: undefined });
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ value }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token?api-version=2.0`,
    bearer,
    get issued() {
      return issued;
    },
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
