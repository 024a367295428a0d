import { readFile } from 'node:fs/promises';
import type { JSONWebKeySet } from 'jose';
import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import type { NetworkOptions } from '#lib/network/network-options';
import { isPrivateTransport } from '#lib/network/private-transport';
import { readBody } from '#lib/network/read-body';
import { createTransport, defaultTimeouts } from '#lib/network/transport';
import type { TrustedIssuer } from './authorization.ts';

/** Most bytes of a document: the keys of a large issuer have some kilobytes. */
const maxBytes = 256 * 1024;
/** Most keys: more would make the search for one expensive. */
const maxKeys = 100;
/** Milliseconds for both documents. Callers wait for them. */
const longest = 5_000;

const discoverySchema = v.object({ issuer: v.string(), jwks_uri: v.pipe(v.string(), v.url()) });
const keysSchema = v.object({ keys: v.pipe(v.array(v.looseObject({ kty: v.string() })), v.maxLength(maxKeys)) });

/**
 * Reads the keys of an issuer as OpenID Connect Discovery 1.0 specifies: first the discovery
 * document, which must name exactly this issuer, then the keys at its `jwks_uri`. No redirect is
 * followed. If the documents are read at another URL than the issuer, or with a token, the keys are
 * read at that host too: the token must not reach another one. Throws Unavailable if the issuer
 * does not answer in time, or answers something else.
 */
export async function readIssuerKeys(issuer: TrustedIssuer, network: NetworkOptions): Promise<JSONWebKeySet> {
  const signal = AbortSignal.timeout(longest);
  const base = (issuer.url ?? issuer.issuer).replace(/\/$/, '');
  try {
    const read = await documentReader(issuer, network, signal);
    const discovery = v.safeParse(discoverySchema, await read(`${base}/.well-known/openid-configuration`));
    if (!discovery.success) throw invalid('its discovery document has no issuer or no jwks_uri');
    const { issuer: named, jwks_uri: listed } = discovery.output;
    if (named !== issuer.issuer) {
      throw invalid(`its discovery document is of another issuer: ${JSON.stringify(named.slice(0, 256))}`);
    }
    const url = keysUrl(listed, base, issuer);
    if (new URL(url).protocol !== new URL(base).protocol || !isPrivateTransport(url)) {
      throw invalid(`its keys are at ${JSON.stringify(listed.slice(0, 256))}: want ${new URL(base).protocol}`);
    }
    const keys = v.safeParse(keysSchema, await read(url));
    if (!keys.success) throw invalid(`${listed} is not a list of at most ${maxKeys} keys (JWK Set)`);
    return keys.output;
  } catch (error) {
    throw unreadable(issuer, error === signal.reason ? tooLate(error) : error);
  }
}

/** Returns where the keys are read. */
function keysUrl(listed: string, base: string, { url, tokenFile }: TrustedIssuer): string {
  if (url === undefined && tokenFile === undefined) return listed;
  const { pathname, search } = new URL(listed);
  return `${new URL(base).origin}${pathname}${search}`;
}

async function documentReader(
  { certificateAuthority, tokenFile }: TrustedIssuer,
  { proxy, timeouts }: NetworkOptions,
  signal: AbortSignal,
): Promise<(url: string) => Promise<unknown>> {
  const [authority, token] = await Promise.all([
    certificateAuthority === undefined ? undefined : readFile(certificateAuthority, 'utf8'),
    tokenFile === undefined ? undefined : readFile(tokenFile, 'utf8'),
  ]);
  const tls = authority === undefined ? undefined : { authorities: [authority], identities: [], skipVerify: false };
  const transport = createTransport({
    timeouts: { ...defaultTimeouts, ...timeouts },
    // Once more, since the issuer may just have closed a connection that was idle.
    retry: { attempts: 2, delay: 100 },
    connection: () => ({ proxy, tls }),
  });
  const credentials = token === undefined ? {} : { authorization: `Bearer ${token.trim()}` };
  return async (text) => {
    const url = new URL(text);
    const headers = { accept: 'application/json, application/jwk-set+json', ...credentials };
    const response = await transport.send({ method: 'GET', url, headers, signal });
    if (response.status !== 200) {
      await response.discard();
      throw new FairleadError('Unavailable', `${url.origin}${url.pathname} answered with status ${response.status}`);
    }
    const body = Buffer.from(await readBody({ ...response, url }, { method: 'GET' }, maxBytes));
    try {
      return JSON.parse(body.toString('utf8'));
    } catch (cause) {
      throw new FairleadError('Unavailable', `${url.origin}${url.pathname} is not JSON`, { cause });
    }
  };
}

function invalid(problem: string): FairleadError {
  return new FairleadError('Unavailable', problem);
}

function tooLate(cause: unknown): FairleadError {
  return new FairleadError('Unavailable', `it has not answered within ${longest / 1000} s`, { cause });
}

/** Names the issuer in errors of its answers, of the network and of its files. */
function unreadable({ issuer }: TrustedIssuer, error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  // What reading a file throws has the path.
  const isExpected = error instanceof FairleadError ? error.kind !== 'Internal' : 'path' in error;
  if (!isExpected) return error;
  return new FairleadError('Unavailable', `the keys of ${issuer} cannot be read: ${error.message}`, { cause: error });
}
