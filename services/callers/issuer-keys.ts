import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { FairleadError, toFairleadError } from '#lib/errors';
import type { TrustedIssuer } from './authorization.ts';

/** Milliseconds after which keys are read again. */
const freshTime = 10 * 60_000;
/** Milliseconds for which keys are used if they cannot be read again. */
const usableTime = 60 * 60_000;
/** Milliseconds between readings because of a key that is not known: anyone can name one. */
const unknownKeyPause = 30_000;
/** Milliseconds after a reading that failed until the next one. */
const failurePause = 5_000;
/** Most callers that wait for one issuer. */
const maxWaiting = 256;

/** What the keys of an issuer need. */
export interface IssuerKeysDependencies {
  readonly read: () => Promise<JSONWebKeySet>;
  /** Returns milliseconds of a clock that does not jump. */
  readonly now: () => number;
}

/**
 * The public keys of an issuer, remembered. They are read for the first token, after ten minutes,
 * and for a token with a key that is not known, at most every 30 seconds. All callers share one
 * reading.
 */
export class IssuerKeys {
  readonly #issuer: TrustedIssuer;
  readonly #dependencies: IssuerKeysDependencies;
  #keys: { readonly find: JWTVerifyGetKey; readonly at: number } | undefined;
  #failure: { readonly error: FairleadError; readonly at: number } | undefined;
  #reading: Promise<void> | undefined;
  #waiting = 0;

  constructor(issuer: TrustedIssuer, dependencies: IssuerKeysDependencies) {
    this.#issuer = issuer;
    this.#dependencies = dependencies;
  }

  /**
   * Returns the function that finds the key of a token. Throws Unavailable, with the time after
   * which to try again, if the issuer cannot be asked.
   */
  async find(): Promise<JWTVerifyGetKey> {
    const known = this.#keys;
    const age = this.#dependencies.now() - (known?.at ?? -Infinity);
    if (known !== undefined && age < freshTime) return known.find;
    try {
      return await this.#readAgain();
    } catch (error) {
      if (known !== undefined && age < usableTime && isUnavailable(error)) return known.find;
      throw error;
    }
  }

  /**
   * Returns the function anew for a token whose key it has not found; undefined if the keys were
   * read a moment ago. Throws as find().
   */
  async findAnew(): Promise<JWTVerifyGetKey | undefined> {
    if (this.#dependencies.now() - (this.#keys?.at ?? -Infinity) < unknownKeyPause) return undefined;
    return this.#readAgain();
  }

  async #readAgain(): Promise<JWTVerifyGetKey> {
    const failure = this.#failure;
    if (failure !== undefined && this.#dependencies.now() - failure.at < failurePause) throw failure.error;
    if (this.#waiting >= maxWaiting) {
      throw new FairleadError('Unavailable', `too many callers wait for the keys of ${this.#issuer.issuer}`, {
        retryAfter: failurePause / 1000,
      });
    }
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    this.#waiting++;
    try {
      await this.#reading;
    } finally {
      this.#waiting--;
    }
    const { find } = this.#keys ?? {};
    if (find === undefined) throw new Error('the keys were read, and are missing');
    return find;
  }

  async #read(): Promise<void> {
    const { read, now } = this.#dependencies;
    try {
      const find = createLocalJWKSet(await read());
      this.#keys = { find, at: now() };
      this.#failure = undefined;
    } catch (thrown) {
      const { kind, message, cause } =
        thrown instanceof errors.JOSEError ? malformed(this.#issuer, thrown) : toFairleadError(thrown);
      const error = new FairleadError(kind, message, { cause, retryAfter: failurePause / 1000 });
      this.#failure = { error, at: now() };
      throw error;
    }
  }
}

function malformed({ issuer }: TrustedIssuer, cause: Error): FairleadError {
  return new FairleadError('Unavailable', `the keys of ${issuer} cannot be read: ${cause.message}`, { cause });
}

function isUnavailable(error: unknown): boolean {
  return error instanceof FairleadError && error.kind === 'Unavailable';
}
