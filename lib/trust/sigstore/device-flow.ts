import { createHash, randomBytes } from 'node:crypto';
import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import { isPrivateTransport } from '../../network/private-transport.ts';
import type { AskService, ServiceRequest } from '../../network/service-client.ts';

export interface DeviceFlowDependencies {
  /** Asks the issuer. */
  readonly send: AskService;
  /** Waits, in milliseconds. */
  readonly sleep: (time: number) => Promise<void>;
  /** Tells the person where to go and what to enter there. */
  readonly ask: (url: string, code: string) => void;
}

/** The name under which Sigstore's issuer knows its clients. */
const clientId = 'sigstore';
const shortestInterval = 1;
const longestWait = 900;

const endpoint = v.pipe(v.string(), v.url(), v.check(isPrivateTransport));
const discoverySchema = v.object({ device_authorization_endpoint: endpoint, token_endpoint: endpoint });
const startedSchema = v.object({
  device_code: v.pipe(v.string(), v.maxLength(4096)),
  // Both are shown at a terminal.
  user_code: v.pipe(v.string(), v.regex(/^[\w -]{1,64}$/)),
  verification_uri: v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,512}$/), v.url(), v.check(isPrivateTransport)),
  expires_in: v.optional(v.number(), longestWait),
  interval: v.optional(v.number(), 5),
});
const polledSchema = v.object({ id_token: v.optional(v.string()), error: v.optional(v.string()) });

/**
 * Lets a person log in on another device (OAuth 2.0 device authorization, RFC 8628, with PKCE) and
 * gives the identity token of the OIDC issuer. Throws Unauthenticated where the person refuses or
 * takes too long, Unavailable where the issuer does not answer as it should; no code and no token
 * is in the errors.
 */
export async function deviceToken(issuer: string, { send, sleep, ask }: DeviceFlowDependencies): Promise<string> {
  const call = async <T>(
    url: string,
    schema: v.GenericSchema<unknown, T>,
    form?: Record<string, string>,
  ): Promise<T> => {
    try {
      const { body } = await send(form === undefined ? { method: 'GET', url } : formRequest(url, form));
      return v.parse(schema, JSON.parse(body.toString('utf8')));
    } catch {
      // What the issuer said may hold a code or a token.
      throw new FairleadError('Unavailable', `${new URL(url).origin} does not answer as an OIDC issuer should`);
    }
  };
  const { device_authorization_endpoint: start, token_endpoint: poll } = await call(
    `${issuer.replace(/\/+$/, '')}/.well-known/openid-configuration`,
    discoverySchema,
  );
  const verifier = randomBytes(32).toString('base64url');
  const challenge = createHash('sha256').update(verifier).digest('base64url');
  const started = await call(start, startedSchema, {
    client_id: clientId,
    scope: 'openid email',
    code_challenge: challenge,
    code_challenge_method: 'S256',
  });
  ask(started.verification_uri, started.user_code);
  let interval = Math.max(started.interval, shortestInterval);
  for (let waited = 0; waited < Math.min(started.expires_in, longestWait); waited += interval) {
    await sleep(interval * 1000);
    const { id_token: token, error } = await call(poll, polledSchema, {
      grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
      device_code: started.device_code,
      client_id: clientId,
      code_verifier: verifier,
    });
    if (token !== undefined) return token;
    if (error === 'slow_down') interval += 5;
    else if (error !== 'authorization_pending') throw refused('the login was refused');
  }
  throw refused('nobody logged in in time');
}

function formRequest(url: string, form: Record<string, string>): ServiceRequest {
  const headers = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' };
  return { method: 'POST', url, headers, body: new URLSearchParams(form).toString() };
}

function refused(reason: string): FairleadError {
  return new FairleadError('Unauthenticated', `there is no identity token: ${reason}`, { hint: 'Try again.' });
}
