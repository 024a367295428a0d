import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Where a job of GitHub gets its identity token. */
export interface TokenEndpoint {
  readonly url: string;
  /** Authorizes the job. */
  readonly bearer: string;
  /** How many tokens were issued. */
  readonly issued: number;
  stop(): Promise<void>;
}

/**
 * Serves the tokens that `tokenFor` returns for an audience, as the token service of GitHub Actions
 * does; a test that returns none fails.
 */
export async function startTokenEndpoint(
  tokenFor: (audience: string) => Promise<string | undefined>,
): Promise<TokenEndpoint> {
  const bearer = 'bearer-of-the-job';
  let issued = 0;
  const server = createServer(async ({ url = '', headers }, response) => {
    const audience = new URL(url, 'http://localhost').searchParams.get('audience') ?? '';
    const value = headers.authorization === `Bearer ${bearer}` ? await tokenFor(audience) : undefined;
    if (value === undefined) {
      response.writeHead(401).end();
      return;
    }
    issued += 1;
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
