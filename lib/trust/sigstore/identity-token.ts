import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import { isPrivateTransport } from '../../network/private-transport.ts';
import type { AskService, ServiceAnswer } from '../../network/service-client.ts';

export interface TokenDependencies {
  readonly env: NodeJS.ProcessEnv;
  /** Sends a request to the token service of the CI system. */
  readonly send: AskService;
  /** Runs a program. Returns its output on stdout. */
  readonly run: (program: string, args: readonly string[]) => Promise<string>;
}

/** The audience that Sigstore's certificate authorities require. */
const sigstoreAudience = 'sigstore';
const maxTokenLength = 64 * 1024;
const tokenSchema = v.object({ value: v.string() });
const claimsSchema = v.object({
  sub: v.optional(v.string()),
  email: v.optional(v.string()),
  email_verified: v.optional(v.boolean()),
  exp: v.optional(v.number()),
});

/**
 * Returns the identity token of the CI system that runs this process: `SIGSTORE_ID_TOKEN` (set by
 * `id_tokens` of GitLab CI, or otherwise), GitHub Actions (with `permissions: {id-token: write}`),
 * or Buildkite. Undefined in no such system. Throws Unavailable if the CI system does not issue a
 * token.
 */
export async function ambientToken(dependencies: TokenDependencies): Promise<string | undefined> {
  return dependencies.env['SIGSTORE_ID_TOKEN'] || jobToken(sigstoreAudience, dependencies);
}

/**
 * Returns a token of the CI job that this process runs in, for an audience: from GitHub Actions or
 * Buildkite, and undefined in no such job. Throws as ambientToken.
 */
export async function jobToken(audience: string, { env, send, run }: TokenDependencies): Promise<string | undefined> {
  const { ACTIONS_ID_TOKEN_REQUEST_URL, ACTIONS_ID_TOKEN_REQUEST_TOKEN, BUILDKITE } = env;
  if (ACTIONS_ID_TOKEN_REQUEST_URL && ACTIONS_ID_TOKEN_REQUEST_TOKEN) {
    return githubToken(ACTIONS_ID_TOKEN_REQUEST_URL, ACTIONS_ID_TOKEN_REQUEST_TOKEN, { audience, send });
  }
  if (BUILDKITE !== 'true') return undefined;
  try {
    return (await run('buildkite-agent', ['oidc', 'request-token', '--audience', audience])).trim();
  } catch {
    // The output of the program may be a token: its error is not passed on.
    throw unavailable('Buildkite', 'buildkite-agent oidc request-token failed');
  }
}

async function githubToken(
  url: string,
  bearer: string,
  { audience, send }: { readonly audience: string; readonly send: AskService },
): Promise<string> {
  const asked = URL.canParse(url) ? new URL(url) : undefined;
  if (asked === undefined || !isPrivateTransport(url)) {
    throw unavailable('GitHub Actions', 'invalid ACTIONS_ID_TOKEN_REQUEST_URL: want an https URL');
  }
  asked.searchParams.set('audience', audience);
  const headers = { accept: 'application/json', authorization: `Bearer ${bearer}` };
  let answer: ServiceAnswer;
  try {
    answer = await send({ method: 'GET', url: asked.href, headers });
  } catch {
    // Its address may contain secrets.
    throw unavailable('GitHub Actions', 'its token service is unreachable');
  }
  if (answer.status !== 200) throw unavailable('GitHub Actions', `it answered ${answer.status}`);
  try {
    return v.parse(tokenSchema, JSON.parse(answer.body.toString('utf8'))).value;
  } catch {
    // The error would quote the answer.
    throw unavailable('GitHub Actions', 'its answer does not contain a token');
  }
}

/**
 * Checks that a text is an identity token that could be accepted now (time in milliseconds). Only
 * the certificate authority verifies the signature. Throws InvalidInput that contains nothing of
 * the token.
 */
export function checkIdentityToken(text: string, now: number): string {
  const token = text.trim();
  const [, payload] = /^[\w-]+\.([\w-]+)\.[\w-]*$/.exec(token.length > maxTokenLength ? '' : token) ?? [];
  const claims = payload === undefined ? undefined : readClaims(payload);
  if (claims === undefined) throw invalid('it is not a JSON web token');
  const { sub, email, email_verified: verified, exp } = claims;
  if (!sub && !email) throw invalid('it has neither subject nor e-mail address');
  if (email && verified !== true) throw invalid('its issuer has not verified the e-mail address');
  if (exp !== undefined && exp * 1000 <= now) throw invalid('it has expired');
  return token;
}

function readClaims(payload: string): v.InferOutput<typeof claimsSchema> | undefined {
  try {
    return v.parse(claimsSchema, JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')));
  } catch {
    // The error would quote the token.
    return undefined;
  }
}

function invalid(reason: string): FairleadError {
  return new FairleadError('InvalidInput', `invalid identity token: ${reason}`, {
    hint: 'Get a token from an OIDC issuer, for the audience "sigstore".',
  });
}

function unavailable(system: string, reason: string): FairleadError {
  return new FairleadError('Unavailable', `cannot get an identity token from ${system}: ${reason}`, {
    hint: 'In GitHub Actions the job needs `permissions: {id-token: write}`.',
  });
}
