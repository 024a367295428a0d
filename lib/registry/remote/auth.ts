import * as v from 'valibot';
import { unlessAborted } from '#lib/concurrency/unless-aborted';
import { FairleadError } from '#lib/errors';
import { quote } from '#lib/text/quote';
import { isLoopback } from '../../network/loopback.ts';
import { nameRequest } from '../../network/request-error.ts';
import type { Transport } from '../../network/transport.ts';
import type { Credentials } from '../credentials/credentials.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import { responseError } from './errors.ts';
import { sameDomain } from './own-domain.ts';
import { mergeScopes, scopesToRequest } from './scope.ts';
import { sentSecrets } from './sent-secrets.ts';

/** What an {@link Authorizer} needs. */
export interface AuthorizerDependencies {
  /** Where the API of the registry is. */
  readonly registry: URL;
  /** Finds the credentials for the registry. */
  readonly credentials: () => Promise<Credentials | undefined>;
  readonly transport: Transport;
  /** Hosts of token services on other domains that may get the credentials. */
  readonly trustedRealms: readonly string[];
  /** Milliseconds that only increase. */
  readonly clock: () => number;
}

interface Token {
  readonly header: string;
  /** Milliseconds of the clock after which the token is not used. */
  readonly expires: number;
}

/** A field that is absent, null or empty has no meaning: services written in Go send them so. */
const tokenText = v.nullish(v.string(), '');
const tokenSchema = v.object({
  token: tokenText,
  access_token: tokenText,
  refresh_token: tokenText,
  expires_in: v.nullish(v.pipe(v.number(), v.minValue(0)), 60),
});

/** A token that was requested, and the signal of the call that requested it. */
interface AskedToken {
  readonly token: Promise<Token>;
  readonly signal: AbortSignal | undefined;
}

const tokenAnswerLimit = 128 * 1024;

/**
 * Authorizes the requests to one registry, and learns from its challenges (token authentication and
 * OAuth2 as distribution documents them; RFC 7617 for Basic).
 */
export class Authorizer {
  readonly #dependencies: AuthorizerDependencies;
  /** The credentials that were found, or are being looked for. */
  #found: Promise<Credentials | undefined> | undefined;
  /** A refresh token that replaced the one of the credentials. */
  #rotated: Credentials | undefined;
  /** The challenge that the registry answered last. */
  #known: Challenge | undefined;
  /** Tokens by their scopes. */
  readonly #tokens = new Map<string, AskedToken>();

  constructor(dependencies: AuthorizerDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Returns the Authorization header for a request that needs these scopes, as far as it is known
   * without a challenge; undefined sends none.
   */
  async header(scopes: readonly string[], signal: AbortSignal | undefined): Promise<string | undefined> {
    const who = await this.#credentials();
    if (who !== undefined && 'registryToken' in who) return this.#registryTokenHeader(who.registryToken);
    return this.#known === undefined ? undefined : this.#headerFor(this.#known, scopes, signal);
  }

  /**
   * Returns the header to try again with after a 401; undefined if it would be the one that was
   * `sent`. Rejects with Unauthenticated if the token service refuses, and with NotAllowed if
   * credentials would be sent where they must not.
   */
  async answer(
    wwwAuthenticate: string,
    scopes: readonly string[],
    sent: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    const challenges = parseChallenges(wwwAuthenticate);
    const chosen =
      challenges.find(({ scheme, parameters }) => scheme === 'bearer' && parameters['realm'] !== undefined) ??
      challenges.find(({ scheme }) => scheme === 'basic');
    if (chosen === undefined) return undefined;
    // Its scope is that of this one request: the next may need less.
    const { scope: _, ...parameters } = chosen.parameters;
    this.#known = { scheme: chosen.scheme, parameters };
    // A token that was refused must not be used again, even if it is not expired by our clock.
    if (sent !== undefined && chosen.scheme === 'bearer') await this.#dropToken(scopes, sent);
    const header = await this.#headerFor(chosen, scopes, signal);
    return header === sent ? undefined : header;
  }

  async #credentials(): Promise<Credentials | undefined> {
    if (this.#rotated !== undefined) return this.#rotated;
    this.#found ??= this.#dependencies.credentials();
    const asked = this.#found;
    try {
      return await asked;
    } catch (error) {
      // A helper that failed may be asked again; the credentials that it returned are kept.
      if (this.#found === asked) this.#found = undefined;
      throw error;
    }
  }

  async #headerFor(
    challenge: Challenge,
    scopes: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    const who = await this.#credentials();
    if (who !== undefined && 'registryToken' in who) return this.#registryTokenHeader(who.registryToken);
    if (challenge.scheme === 'bearer') return (await this.#tokenFor(challenge, scopes, signal)).header;
    return who !== undefined && 'username' in who ? basicHeader(who) : undefined;
  }

  #registryTokenHeader(token: string): string {
    return bearerHeader(token, `registry token for ${this.#dependencies.registry.host}`);
  }

  /** Returns a token that is not expired: calls that need the same one share it. */
  async #tokenFor(challenge: Challenge, scopes: readonly string[], signal: AbortSignal | undefined): Promise<Token> {
    const key = mergeScopes(scopes).join(' ');
    for (let asked = this.#tokens.get(key); asked !== undefined; asked = this.#tokens.get(key)) {
      try {
        const token = await unlessAborted(asked.token, signal);
        if (token.expires > this.#dependencies.clock()) return token;
        this.#drop(key, asked);
      } catch (error) {
        // The end of another caller's wait is no fault of the token.
        if (signal?.aborted || !asked.signal?.aborted) throw error;
      }
    }
    const asked = { token: this.#fetchToken(challenge, scopes, signal), signal };
    this.#tokens.set(key, asked);
    asked.token.catch(() => this.#drop(key, asked));
    return asked.token;
  }

  async #dropToken(scopes: readonly string[], sent: string): Promise<void> {
    const key = mergeScopes(scopes).join(' ');
    const asked = this.#tokens.get(key);
    const token = await asked?.token.catch(() => undefined);
    if (asked !== undefined && token?.header === sent) this.#drop(key, asked);
  }

  #drop(key: string, asked: AskedToken): void {
    if (this.#tokens.get(key) === asked) this.#tokens.delete(key);
  }

  async #fetchToken(challenge: Challenge, scopes: readonly string[], signal: AbortSignal | undefined): Promise<Token> {
    const { registry, transport, trustedRealms, clock } = this.#dependencies;
    const who = await this.#credentials();
    const realm = parseRealm(challenge, registry);
    refuseRealm(realm, registry, who !== undefined, trustedRealms);
    const request = tokenRequest(realm, challenge, scopesToRequest(scopes, challenge.parameters['scope']), who);
    const response = await transport.send({ ...request, signal });
    const text = await response.text(tokenAnswerLimit);
    if (response.status !== 200) {
      // Without credentials any host may be asked for a token: the text of a host that is not the
      // registry's must not reach our caller.
      const own = sameDomain(realm, registry) || trustedRealms.includes(realm.host);
      const error = responseError(request, response.status, own ? text : '', {
        challenge: own ? response.header('www-authenticate') : undefined,
        retryAfter: response.header('retry-after'),
        secrets: [
          ...sentSecrets(request.headers['authorization']),
          ...(who !== undefined && 'identityToken' in who ? [who.identityToken] : []),
        ],
      });
      if (error.kind !== 'InvalidInput' && error.kind !== 'NotFound') throw error;
      throw new FairleadError('Unauthenticated', `${error.message} (token for ${registry.host})`, {
        hint: 'Check the credentials for this registry.',
      });
    }
    const answer = readToken(text, nameRequest(request));
    if (request.method === 'POST' && answer.refresh_token !== '')
      this.#rotated = { identityToken: answer.refresh_token };
    // A token ends a little early, so that none expires on its way. Its life is counted from now:
    // the server's clock may be wrong.
    const life = answer.expires_in * 1000;
    return {
      header: bearerHeader(answer.access_token || answer.token, nameRequest(request)),
      expires: clock() + life - Math.min(life / 4, 30_000),
    };
  }
}

interface TokenRequest {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

/**
 * Returns the request for a token: by OAuth2 with a refresh token; otherwise by GET, with or
 * without user name and password.
 */
function tokenRequest(
  realm: URL,
  challenge: Challenge,
  scopes: readonly string[],
  who: Credentials | undefined,
): TokenRequest {
  const accept = 'application/json';
  const service = challenge.parameters['service'];
  if (who !== undefined && 'identityToken' in who) {
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: 'fairlead',
      refresh_token: who.identityToken,
    });
    if (service !== undefined) form.set('service', service);
    if (scopes.length > 0) form.set('scope', scopes.join(' '));
    const headers = { accept, 'content-type': 'application/x-www-form-urlencoded' };
    return { method: 'POST', url: realm, headers, body: new TextEncoder().encode(form.toString()) };
  }
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set('service', service);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  const authorization = who !== undefined && 'username' in who ? { authorization: basicHeader(who) } : {};
  return { method: 'GET', url, headers: { accept, ...authorization } };
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
    throw new FairleadError('Unauthenticated', `${origin}: the token service returned invalid JSON`);
  }
  const result = v.safeParse(tokenSchema, json);
  if (result.success) return result.output;
  throw new FairleadError('Unauthenticated', `${origin}: the token service returned no token`);
}

function parseRealm(challenge: Challenge, registry: URL): URL {
  const text = challenge.parameters['realm'] ?? '';
  if (URL.canParse(text)) {
    const realm = new URL(text);
    if ((realm.protocol === 'https:' || realm.protocol === 'http:') && realm.username === '' && realm.password === '')
      return realm;
  }
  throw new FairleadError('Unauthenticated', `${registry.host} names an invalid token service: ${quote(text, 200)}`);
}

/** Throws NotAllowed if a token service must not be asked, or must not get the credentials. */
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
      `Nothing was sent there. If ${realm.host} may get the credentials for ${registry.host}, add it to \`trustedRealms\`.`,
    );
  }
}
