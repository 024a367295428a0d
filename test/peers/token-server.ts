import { createHash, randomUUID, sign } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Certificate } from './certificates.ts';

/** What a token server is to allow. */
export interface TokenServerOptions {
  /** Signs the tokens; its certificate goes into the registry's configuration. P-256. */
  readonly signer: Certificate;
  readonly service: string;
  readonly issuer: string;
  /** Who may do everything, by Basic authentication. */
  readonly user: { readonly username: string; readonly password: string };
  /** A refresh token that may do everything, by OAuth2. */
  readonly identityToken?: string;
  /** What everybody may pull. */
  readonly publicRepositories?: readonly string[];
  /** Seconds that tokens live, as told to clients and as the registry sees it. */
  readonly lifetime?: { readonly told: number; readonly real: number };
}

/** A token server with a log of what was asked for. */
export interface TokenServer {
  readonly realm: string;
  /**
   * One line for each token: `GET user repository:a:pull` or `POST refresh …`, `GET anonymous …`.
   */
  readonly log: string[];
  stop(): Promise<void>;
}

interface Grant {
  readonly who: string;
  readonly allowed: boolean;
}

/**
 * Starts a token server as the distribution project's token documentation describes it: GET with
 * Basic, and POST with a refresh token.
 */
export async function startTokenServer(options: TokenServerOptions): Promise<TokenServer> {
  const log: string[] = [];
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://token.invalid');
    const form = request.method === 'POST' ? new URLSearchParams(await readAll(request)) : url.searchParams;
    const scopes = form.getAll('scope').flatMap((scope) => scope.split(' '));
    const { who, allowed } = grant(options, request, form);
    log.push(`${request.method} ${who} ${scopes.join(' ')}`);
    if (!allowed || form.get('service') !== options.service) {
      response.writeHead(401, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message: 'wrong credentials' }] }));
      return;
    }
    const token = makeToken(options, who, scopes);
    response.writeHead(200, { 'content-type': 'application/json' });
    const body = request.method === 'POST' ? { access_token: token } : { token };
    response.end(JSON.stringify({ ...body, expires_in: options.lifetime?.told ?? 300 }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { realm: `http://127.0.0.1:${port}/token`, log, stop: () => close(server) };
}

function grant(options: TokenServerOptions, request: IncomingMessage, form: URLSearchParams): Grant {
  if (request.method === 'POST') {
    const refresh = form.get('grant_type') === 'refresh_token' && form.get('client_id') !== null;
    const right = options.identityToken !== undefined && form.get('refresh_token') === options.identityToken;
    return { who: 'refresh', allowed: refresh && right };
  }
  const { authorization } = request.headers;
  if (authorization === undefined) return { who: 'anonymous', allowed: true };
  const expected = Buffer.from(`${options.user.username}:${options.user.password}`).toString('base64');
  return { who: options.user.username, allowed: authorization === `Basic ${expected}` };
}

/**
 * A JWT whose access is what was asked for, as far as the asker may have it; an anonymous one pulls
 * what is public.
 */
function makeToken(options: TokenServerOptions, who: string, scopes: readonly string[]): string {
  const access = scopes.flatMap((scope) => {
    const [type = '', name = '', actions = ''] = scope.split(':');
    const isPublic = options.publicRepositories?.includes(name) ?? false;
    const granted =
      who === 'anonymous' ? actions.split(',').filter((action) => action === 'pull' && isPublic) : actions.split(',');
    return granted.length > 0 ? [{ type, name, actions: granted }] : [];
  });
  const now = Math.floor(Date.now() / 1000);
  const der = Buffer.from(options.signer.certificate.replace(/-----[A-Z ]+-----|\s/g, ''), 'base64');
  const header = { typ: 'JWT', alg: 'ES256', x5c: [der.toString('base64')] };
  const claims = {
    iss: options.issuer,
    sub: who,
    aud: options.service,
    iat: now,
    nbf: now - 60,
    exp: now + (options.lifetime?.real ?? 300),
    jti: createHash('sha256').update(randomUUID()).digest('hex').slice(0, 16),
    access,
  };
  const text = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  const signature = sign('sha256', Buffer.from(text), { key: options.signer.key, dsaEncoding: 'ieee-p1363' });
  return `${text}.${signature.toString('base64url')}`;
}

async function readAll(request: IncomingMessage): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of request) pieces.push(piece as Uint8Array);
  return Buffer.concat(pieces).toString('utf8');
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise<void>((resolve) => server.close(() => resolve()));
}
