import { createHash, timingSafeEqual } from 'node:crypto';
import { decodeJwt } from 'jose';
import { FairleadError } from '#lib/errors';
import type { NetworkOptions } from '#lib/network/network-options';
import type { Authorization, TrustedIssuer } from './authorization.ts';
import { anonymous, type Caller } from './caller.ts';
import { readIssuerKeys } from './issuer-documents.ts';
import { IssuerKeys } from './issuer-keys.ts';
import { verifyToken } from './verify-token.ts';

/** How callers prove who they are. */
export interface AuthenticatorOptions {
  /** A token that all callers share; none by default. */
  readonly token?: string | undefined;
  /** What the tokens of issuers must be for. Without it, none is accepted. */
  readonly audience?: string | undefined;
  /** The authorization in force: its issuers are trusted. */
  readonly authorization: { readonly current: Authorization };
  readonly network?: NetworkOptions | undefined;
  /**
   * True to accept a token as the password of Basic credentials too, as clients of registries send
   * it. Browsers send these by themselves, also to requests of other sites: only for reading.
   */
  readonly basic?: boolean | undefined;
}

/** Finds out who calls. */
export class Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #token: Buffer | undefined;
  /** The keys of each issuer, as long as it is trusted. */
  #keys: ReadonlyMap<string, { readonly issuer: TrustedIssuer; readonly keys: IssuerKeys }> = new Map();
  #issuers: readonly TrustedIssuer[] | undefined;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
    this.#token = options.token === undefined ? undefined : sha256(options.token);
  }

  /**
   * Returns the caller that an Authorization header proves; without one, the anonymous caller.
   * Throws Unauthenticated if the header is invalid, and Unavailable if the issuer of a token
   * cannot be asked for its keys.
   */
  async authenticate(header: string | undefined): Promise<Caller> {
    if (header === undefined || header === '') return anonymous;
    const presented = this.#presented(header);
    if (presented === undefined) {
      throw new FairleadError('Unauthenticated', 'invalid Authorization header: want "Bearer TOKEN"', {
        hint: 'Send Authorization: Bearer TOKEN.',
      });
    }
    // The comparison takes the same time wherever the first difference is.
    if (this.#token !== undefined && timingSafeEqual(sha256(presented), this.#token)) return { method: 'token' };
    const { audience } = this.#options;
    const found = this.#issuerOf(presented);
    if (found === undefined || audience === undefined) throw this.#wrong();
    return verifyToken(presented, { issuer: found.issuer.issuer, audience, keys: found.keys });
  }

  #presented(header: string): string | undefined {
    const bearer = /^Bearer +([^ ]+)$/i.exec(header)?.[1];
    if (bearer !== undefined || !this.#options.basic) return bearer;
    const basic = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(header)?.[1];
    const text = basic === undefined ? '' : Buffer.from(basic, 'base64').toString('utf8');
    return /^[^:]*:(.+)$/s.exec(text)?.[1];
  }

  /** Returns the trusted issuer that a token names. It is not verified yet. */
  #issuerOf(token: string) {
    this.#followIssuers();
    try {
      const { iss } = decodeJwt(token);
      return typeof iss === 'string' ? this.#keys.get(iss) : undefined;
    } catch {
      return undefined;
    }
  }

  /** Keeps the keys of the issuers that did not change with the authorization file. */
  #followIssuers(): void {
    const { authorization, network = {} } = this.#options;
    const { issuers } = authorization.current;
    if (issuers === this.#issuers) return;
    this.#issuers = issuers;
    const before = this.#keys;
    this.#keys = new Map(
      issuers.map((issuer) => {
        const held = before.get(issuer.issuer);
        if (held !== undefined && JSON.stringify(held.issuer) === JSON.stringify(issuer)) return [issuer.issuer, held];
        const dependencies = { read: () => readIssuerKeys(issuer, network), now: () => performance.now() };
        return [issuer.issuer, { issuer, keys: new IssuerKeys(issuer, dependencies) }];
      }),
    );
  }

  #wrong(): FairleadError {
    const { token, audience } = this.#options;
    const ways = [
      token !== undefined && 'the token that the service was started with',
      audience !== undefined && 'a token of a trusted issuer with the audience of the service',
    ].filter((way) => way !== false);
    const hint =
      ways.length === 0 ? 'The service accepts no tokens.' : `Send Authorization: Bearer with ${ways.join(', or ')}.`;
    return new FairleadError('Unauthenticated', 'the bearer token is wrong', { hint });
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
