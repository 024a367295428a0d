import { createHash, randomBytes } from 'node:crypto';
import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import { isPrivateTransport } from '../../network/private-transport.ts';
import type { AskService, ServiceRequest } from '../../network/service-client.ts';

export interface DeviceFlowDependencies {
  /** Sends a request to the issuer. */
  readonly send: AskService;
  /** Waits, in milliseconds. */
  readonly sleep: (time: number) => Promise<void>;
  /** Shows the person the page to open and the code to enter there. */
  readonly ask: (url: string, code: string) => void;
}

/** The client id at Sigstore's issuer. */
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
 * Lets a person log in on another device (OAuth 2.0 device authorization, RFC 8628, with PKCE).
 * Returns the identity token of the OIDC issuer. Throws Unauthenticated if the person refuses or
 * takes too long, and Unavailable for an invalid answer of the issuer. No error contains a code or
 * a token.
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
      // The answer may contain a code or a token.
      throw new FairleadError('Unavailable', `invalid answer of ${new URL(url).origin}: want that of an OIDC issuer`, {
        hint: 'Check the address of the OIDC issuer, or try again.',
      });
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
  throw refused('the login was not completed in time');
}

function formRequest(url: string, form: Record<string, string>): ServiceRequest {
  const headers = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' };
  return { method: 'POST', url, headers, body: new URLSearchParams(form).toString() };
}

function refused(reason: string): FairleadError {
  return new FairleadError('Unauthenticated', `cannot get an identity token: ${reason}`, { hint: 'Log in again.' });
}
