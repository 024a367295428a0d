import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import { isPrivateTransport } from '../../network/private-transport.ts';
import type { AskService, ServiceAnswer } from '../../network/service-client.ts';

export interface TokenDependencies {
  readonly env: NodeJS.ProcessEnv;
  /** Asks the token service of the CI system. */
  readonly send: AskService;
  /** Runs a program and gives what it writes to stdout. */
  readonly run: (program: string, args: readonly string[]) => Promise<string>;
}

/** What Sigstore's certificate authorities want to be the audience. */
const audience = 'sigstore';
const maxTokenLength = 64 * 1024;
const tokenSchema = v.object({ value: v.string() });
const claimsSchema = v.object({
  sub: v.optional(v.string()),
  email: v.optional(v.string()),
  email_verified: v.optional(v.boolean()),
  exp: v.optional(v.number()),
});

/**
 * The identity token of the CI system that this process runs in: `SIGSTORE_ID_TOKEN` (GitLab CI's
 * `id_tokens`, and whoever else sets it), GitHub Actions (with `permissions: {id-token: write}`),
 * Buildkite. Undefined where there is none. Throws Unavailable where the CI system does not give
 * one.
 */
export async function ambientToken({ env, send, run }: TokenDependencies): Promise<string | undefined> {
  const { SIGSTORE_ID_TOKEN, ACTIONS_ID_TOKEN_REQUEST_URL, ACTIONS_ID_TOKEN_REQUEST_TOKEN, BUILDKITE } = env;
  if (SIGSTORE_ID_TOKEN) return SIGSTORE_ID_TOKEN;
  if (ACTIONS_ID_TOKEN_REQUEST_URL && ACTIONS_ID_TOKEN_REQUEST_TOKEN) {
    return githubToken(ACTIONS_ID_TOKEN_REQUEST_URL, ACTIONS_ID_TOKEN_REQUEST_TOKEN, send);
  }
  if (BUILDKITE !== 'true') return undefined;
  try {
    return (await run('buildkite-agent', ['oidc', 'request-token', '--audience', audience])).trim();
  } catch {
    // What the program wrote may be a token: its error is not passed on.
    throw unavailable('Buildkite', 'buildkite-agent oidc request-token failed');
  }
}

async function githubToken(url: string, bearer: string, send: AskService): Promise<string> {
  const asked = URL.canParse(url) ? new URL(url) : undefined;
  if (asked === undefined || !isPrivateTransport(url)) {
    throw unavailable('GitHub Actions', 'ACTIONS_ID_TOKEN_REQUEST_URL is no URL that is reached by https');
  }
  asked.searchParams.set('audience', audience);
  const headers = { accept: 'application/json', authorization: `Bearer ${bearer}` };
  let answer: ServiceAnswer;
  try {
    answer = await send({ method: 'GET', url: asked.href, headers });
  } catch {
    // Its address may hold secrets.
    throw unavailable('GitHub Actions', 'its token service is out of reach');
  }
  if (answer.status !== 200) throw unavailable('GitHub Actions', `it answered ${answer.status}`);
  try {
    return v.parse(tokenSchema, JSON.parse(answer.body.toString('utf8'))).value;
  } catch {
    // The error would quote the answer.
    throw unavailable('GitHub Actions', 'its answer holds no token');
  }
}

/**
 * Checks that a text is an identity token that could be accepted now (time in milliseconds); the
 * signature is for the certificate authority to check. Throws InvalidInput that shows nothing of
 * it.
 */
export function checkIdentityToken(text: string, now: number): string {
  const token = text.trim();
  const [, payload] = /^[\w-]+\.([\w-]+)\.[\w-]*$/.exec(token.length > maxTokenLength ? '' : token) ?? [];
  const claims = payload === undefined ? undefined : readClaims(payload);
  if (claims === undefined) throw invalid('it is not a JSON web token');
  const { sub, email, email_verified: verified, exp } = claims;
  if (!sub && !email) throw invalid('it names nobody');
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
  return new FairleadError('InvalidInput', `the identity token cannot be used: ${reason}`, {
    hint: 'It is what an OIDC issuer gives for the audience "sigstore".',
  });
}

function unavailable(system: string, reason: string): FairleadError {
  return new FairleadError('Unavailable', `${system} gives no identity token: ${reason}`, {
    hint: 'In GitHub Actions the job needs `permissions: {id-token: write}`.',
  });
}
