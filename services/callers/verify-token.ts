import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { FairleadError } from '#lib/errors';
import type { Caller, Claims } from './caller.ts';
import type { IssuerKeys } from './issuer-keys.ts';

/**
 * The algorithms of signatures that issuers use. None of them takes a secret that is shared with
 * the verifier: a public key could be presented as one.
 */
const algorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
/** Seconds by which clocks may differ. */
const leeway = 30;
/** Most characters of a subject. */
const maxSubject = 1024;
/** Most claims that are kept. */
const maxClaims = 200;

/** What a token must be for, and from whom. */
export interface ExpectedToken {
  readonly issuer: string;
  /** The audience of the service. */
  readonly audience: string;
  readonly keys: Pick<IssuerKeys, 'find' | 'findAnew'>;
}

/**
 * Verifies a token of an OIDC issuer: signature, issuer, audience, times. A token for other
 * audiences besides this service is refused: each of them could present it here (OpenID Connect
 * Core 1.0, 3.1.3.7). Throws Unauthenticated if it is invalid, and Unavailable if the keys of the
 * issuer cannot be read.
 */
export async function verifyToken(token: string, { issuer, audience, keys }: ExpectedToken): Promise<Caller> {
  const payload = await verifySignature(token, { issuer, audience, keys });
  const { sub, aud, iat } = payload;
  const audiences = Array.isArray(aud) ? aud : [aud];
  if (audiences.some((each) => each !== audience)) {
    throw refused(`it is for other audiences too: ${JSON.stringify(audiences).slice(0, 256)}`);
  }
  if (iat !== undefined && iat > Date.now() / 1000 + leeway) throw refused('it was issued in the future ("iat")');
  // The library checks only that there is one.
  if (typeof sub !== 'string' || sub === '' || sub.length > maxSubject)
    throw refused('it has no valid subject ("sub")');
  return { method: 'oidc', issuer, subject: sub, claims: claimsOf(payload) };
}

async function verifySignature(token: string, expected: ExpectedToken): Promise<JWTPayload> {
  const { issuer, audience, keys } = expected;
  const options = {
    algorithms,
    audience,
    issuer,
    clockTolerance: leeway,
    requiredClaims: ['iss', 'sub', 'aud', 'exp'],
  };
  const verify = async (find: JWTVerifyGetKey) => (await jwtVerify(token, find, options)).payload;
  try {
    return await verify(await keys.find()).catch(async (error: unknown) => {
      const anew = error instanceof errors.JWKSNoMatchingKey ? await keys.findAnew() : undefined;
      if (anew === undefined) throw error;
      return verify(anew);
    });
  } catch (error) {
    if (error instanceof errors.JOSEError) throw refused(error.message, error);
    // The issuer lists a key that cannot be imported.
    if (error instanceof TypeError || error instanceof DOMException) throw refused('its key is invalid', error);
    throw error;
  }
}

function refused(problem: string, cause?: unknown): FairleadError {
  return new FairleadError('Unauthenticated', `the token is refused: ${problem}`, {
    cause,
    hint: 'Request a token of a trusted issuer with the audience of this service (`audience`).',
  });
}

/**
 * Returns the claims of a token as text. A claim within another one has the names of both,
 * separated by a slash: `kubernetes.io/namespace`. It does not replace one that has this name
 * itself.
 */
function claimsOf(payload: JWTPayload): Claims {
  const found = new Map<string, string | readonly string[]>();
  const add = (name: string, value: unknown): void => {
    if (found.has(name) || found.size >= maxClaims) return;
    const list = Array.isArray(value) ? value.flatMap((each) => textOf(each) ?? []) : textOf(value);
    if (list !== undefined) found.set(name, list);
  };
  for (const [name, value] of Object.entries(payload)) add(name, value);
  for (const [name, value] of Object.entries(payload)) {
    for (const [path, inner] of nestedIn(name, value, 3)) add(path, inner);
  }
  return Object.fromEntries(found);
}

function nestedIn(name: string, value: unknown, depth: number): [string, unknown][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || depth === 0) return [];
  return Object.entries(value).flatMap(([key, inner]): [string, unknown][] => [
    [`${name}/${key}`, inner],
    ...nestedIn(`${name}/${key}`, inner, depth - 1),
  ]);
}

function textOf(value: unknown): string | undefined {
  return ['string', 'number', 'boolean'].includes(typeof value) ? String(value) : undefined;
}
