import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import { isLoopback } from '../../network/loopback.ts';
import { nameRequest } from '../../network/request-error.ts';
import type { Transport } from '../../network/transport.ts';
import type { Credentials } from '../credentials/credentials.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import { responseError } from './errors.ts';
import { sameDomain } from './own-domain.ts';
import { mergeScopes, scopesToRequest } from './scope.ts';
import { sentSecrets } from './sent-secrets.ts';

/** Gives the Authorization header for one registry, and learns from its challenges. */
export interface Authorizer {
  /**
   * The header for a request that needs these scopes, as far as it is known without asking;
   * undefined sends none.
   */
  header(scopes: readonly string[], signal: AbortSignal | undefined): Promise<string | undefined>;
  /**
   * After a 401: the header to try again with; undefined where there is nothing better than what
   * was `sent`. Rejects with Unauthenticated where the token service refuses, NotAllowed where
   * credentials would go where they must not.
   */
  answer(
    wwwAuthenticate: string,
    scopes: readonly string[],
    sent: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined>;
}

interface Token {
  readonly header: string;
  /** Milliseconds of the clock after which it is not used any more. */
  readonly expires: number;
}

/** A field that is left out, null or empty says nothing: services written in Go send them so. */
const tokenText = v.nullish(v.string(), '');
const tokenSchema = v.object({
  token: tokenText,
  access_token: tokenText,
  refresh_token: tokenText,
  expires_in: v.nullish(v.pipe(v.number(), v.minValue(0)), 60),
});

/** A token that is asked for or was given, and the signal of the call that asked for it. */
interface AskedToken {
  readonly token: Promise<Token>;
  readonly signal: AbortSignal | undefined;
}

const tokenAnswerLimit = 128 * 1024;

/**
 * Authentication of one registry (distribution's token authentication and OAuth2 documentation; RFC
 * 7617 for Basic). `registry` is where its API is, `credentials` what there is for it,
 * `trustedRealms` the hosts of token services that get the credentials though they are on another
 * domain, `clock` milliseconds that only go forward.
 */
export function createAuthorizer(options: {
  readonly registry: URL;
  readonly credentials: () => Promise<Credentials | undefined>;
  readonly transport: Transport;
  readonly trustedRealms: readonly string[];
  readonly clock: () => number;
}): Authorizer {
  const { registry, transport, clock } = options;
  let found: Promise<Credentials | undefined> | undefined;
  let rotated: Credentials | undefined;
  let known: Challenge | undefined;
  const tokens = new Map<string, AskedToken>();

  const credentials = async (): Promise<Credentials | undefined> => {
    if (rotated !== undefined) return rotated;
    found ??= options.credentials();
    const asked = found;
    try {
      return await asked;
    } catch (error) {
      // A helper that failed may be asked again; the credentials that it gave are kept.
      if (found === asked) found = undefined;
      throw error;
    }
  };

  const tokenFor = async (
    challenge: Challenge,
    scopes: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<Token> => {
    const key = mergeScopes(scopes).join(' ');
    for (let asked = tokens.get(key); asked !== undefined; asked = tokens.get(key)) {
      try {
        const token = await unlessAborted(asked.token, signal);
        if (token.expires > clock()) return token;
        if (tokens.get(key) === asked) tokens.delete(key);
      } catch (error) {
        // That another caller has given up says nothing about the token.
        if (signal?.aborted || !asked.signal?.aborted) throw error;
      }
    }
    const asked = { token: fetchToken(challenge, scopes, signal), signal };
    tokens.set(key, asked);
    asked.token.catch(() => {
      if (tokens.get(key) === asked) tokens.delete(key);
    });
    return asked.token;
  };

  const fetchToken = async (
    challenge: Challenge,
    scopes: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<Token> => {
    const who = await credentials();
    const realm = parseRealm(challenge, registry);
    refuseRealm(realm, registry, who !== undefined, options.trustedRealms);
    const service = challenge.parameters['service'];
    const wanted = scopesToRequest(scopes, challenge.parameters['scope']);
    const oauth2 = who !== undefined && 'identityToken' in who;
    const headers: Record<string, string> = { accept: 'application/json' };
    let body: Uint8Array | undefined;
    if (oauth2) {
      const form = new URLSearchParams({
        grant_type: 'refresh_token',
        client_id: 'fairlead',
        refresh_token: who.identityToken,
      });
      if (service !== undefined) form.set('service', service);
      if (wanted.length > 0) form.set('scope', wanted.join(' '));
      headers['content-type'] = 'application/x-www-form-urlencoded';
      body = new TextEncoder().encode(form.toString());
    } else {
      if (service !== undefined) realm.searchParams.set('service', service);
      for (const scope of wanted) realm.searchParams.append('scope', scope);
      if (who !== undefined && 'username' in who) headers['authorization'] = basicHeader(who);
    }
    const request = { method: oauth2 ? ('POST' as const) : ('GET' as const), url: realm, headers, signal };
    const response = await transport.send(body === undefined ? request : { ...request, body });
    const text = await response.text(tokenAnswerLimit);
    if (response.status !== 200) {
      // Without credentials any host may be asked for a token; what one says that is not the
      // registry's is not for our caller.
      const own = sameDomain(realm, registry) || options.trustedRealms.includes(realm.host);
      const error = responseError(request, response.status, own ? text : '', {
        challenge: own ? response.header('www-authenticate') : undefined,
        retryAfter: response.header('retry-after'),
        secrets: [...sentSecrets(headers['authorization']), ...(oauth2 ? [who.identityToken] : [])],
      });
      if (error.kind !== 'InvalidInput' && error.kind !== 'NotFound') throw error;
      throw new FairleadError('Unauthenticated', `${error.message} (token for ${registry.host})`, {
        hint: 'Check the credentials for this registry.',
      });
    }
    const answer = readToken(text, nameRequest(request));
    if (oauth2 && answer.refresh_token !== '') rotated = { identityToken: answer.refresh_token };
    // A token ends a little early, so that none expires on its way. Its life is counted from now:
    // the server's clock may be wrong.
    const life = answer.expires_in * 1000;
    return {
      header: bearerHeader(answer.access_token || answer.token, nameRequest(request)),
      expires: clock() + life - Math.min(life / 4, 30_000),
    };
  };

  const headerFor = async (
    challenge: Challenge,
    scopes: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> => {
    const who = await credentials();
    if (who !== undefined && 'registryToken' in who)
      return bearerHeader(who.registryToken, `registry token for ${registry.host}`);
    if (challenge.scheme === 'bearer') return (await tokenFor(challenge, scopes, signal)).header;
    return who !== undefined && 'username' in who ? basicHeader(who) : undefined;
  };

  return {
    async header(scopes, signal) {
      const who = await credentials();
      if (who !== undefined && 'registryToken' in who)
        return bearerHeader(who.registryToken, `registry token for ${registry.host}`);
      return known === undefined ? undefined : headerFor(known, scopes, signal);
    },
    async answer(wwwAuthenticate, scopes, sent, signal) {
      const challenges = parseChallenges(wwwAuthenticate);
      const chosen =
        challenges.find(({ scheme, parameters }) => scheme === 'bearer' && parameters['realm'] !== undefined) ??
        challenges.find(({ scheme }) => scheme === 'basic');
      if (chosen === undefined) return undefined;
      // Its scope is that of this one request: the next may need less.
      const { scope: _, ...parameters } = chosen.parameters;
      known = { scheme: chosen.scheme, parameters };
      if (sent !== undefined && chosen.scheme === 'bearer') {
        // The token that was sent is refused: one that is not expired by our clock must not be used
        // again.
        const key = mergeScopes(scopes).join(' ');
        const asked = tokens.get(key);
        const token = await asked?.token.catch(() => undefined);
        if (token?.header === sent && tokens.get(key) === asked) tokens.delete(key);
      }
      const header = await headerFor(chosen, scopes, signal);
      return header === sent ? undefined : header;
    },
  };
}

/**
 * What a promise of another call gives, unless this call's own signal ends it first: then its
 * reason is thrown.
 */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  signal.throwIfAborted();
  let end = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    end = () => reject(signal.reason);
  });
  signal.addEventListener('abort', end);
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', end);
  }
}

function basicHeader(who: { readonly username: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${who.username}:${who.password}`, 'utf8').toString('base64')}`;
}

function bearerHeader(token: string, origin: string): string {
  if (/^[\x21-\x7e]+$/.test(token)) return `Bearer ${token}`;
  throw new FairleadError('Unauthenticated', `${origin}: no usable token`, {
    hint: 'Check the credentials for this registry.',
  });
}

function readToken(text: string, origin: string): v.InferOutput<typeof tokenSchema> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new FairleadError('Unauthenticated', `${origin}: the token service's answer is not JSON`);
  }
  const result = v.safeParse(tokenSchema, json);
  if (result.success) return result.output;
  throw new FairleadError('Unauthenticated', `${origin}: the token service's answer has no token`);
}

function parseRealm(challenge: Challenge, registry: URL): URL {
  const text = challenge.parameters['realm'] ?? '';
  if (URL.canParse(text)) {
    const realm = new URL(text);
    if ((realm.protocol === 'https:' || realm.protocol === 'http:') && realm.username === '' && realm.password === '')
      return realm;
  }
  throw new FairleadError(
    'Unauthenticated',
    `${registry.host} names a token service that is no URL: ${JSON.stringify(text.slice(0, 200))}`,
  );
}

/** Throws NotAllowed where a token service must not be asked, or must not see the credentials. */
function refuseRealm(realm: URL, registry: URL, withCredentials: boolean, trustedRealms: readonly string[]): void {
  const refuse = (why: string, hint: string): never => {
    throw new FairleadError('NotAllowed', `${registry.host} asks for a token from ${realm.origin}, ${why}`, { hint });
  };
  if (realm.protocol === 'http:') {
    const loopback = isLoopback(registry) && isLoopback(realm);
    const same = realm.hostname === registry.hostname;
    if (registry.protocol !== 'http:' || !(loopback || same)) {
      refuse('which is not HTTPS', 'Nothing was sent there. Let the token service use HTTPS.');
    }
  }
  if (!withCredentials || trustedRealms.includes(realm.host)) return;
  if (!sameDomain(realm, registry)) {
    refuse(
      'which is on another domain',
      `Nothing was sent there. If ${realm.host} may see the credentials for ${registry.host}, add it to \`trustedRealms\`.`,
    );
  }
}
