import { FairleadError } from '#lib/errors';
import type { Reference } from '../reference.ts';
import { registryName } from '../registry-name.ts';

/**
 * Credentials for a registry. An identity token is exchanged at the token service (OAuth2); a
 * registry token is sent as it is.
 */
export type Credentials =
  | { readonly username: string; readonly password: string }
  | { readonly identityToken: string }
  | { readonly registryToken: string };

/** Finds the credentials for a repository; undefined means anonymous. */
export type CredentialSource = (
  repository: Pick<Reference, 'registry' | 'repository'>,
) => Promise<Credentials | undefined>;

/** The fields of CRI's AuthConfig (cri-api, runtime/v1), as the kubelet sends them with a pull. */
export interface AuthConfig {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Base64 of `username:password`. */
  readonly auth?: string | undefined;
  readonly serverAddress?: string | undefined;
  readonly identityToken?: string | undefined;
  readonly registryToken?: string | undefined;
}

/**
 * Returns the credentials of a CRI AuthConfig for one registry; undefined if it has none, or if its
 * `serverAddress` is another registry. Throws InvalidInput if `auth` is not base64 of
 * `username:password`.
 */
export function authConfigCredentials(auth: AuthConfig, registry: string): Credentials | undefined {
  if (auth.serverAddress) {
    const host = /^(?:https?:\/\/)?([^/]*)/.exec(auth.serverAddress)?.[1] ?? '';
    if (registryName(host) !== registryName(registry)) return undefined;
  }
  return readCredentials(auth, `credentials for ${registry}`);
}

/**
 * Returns the credentials in such fields; undefined if all are empty. `origin` identifies their
 * source in errors. Throws InvalidInput.
 */
export function readCredentials(auth: AuthConfig, origin: string): Credentials | undefined {
  if (auth.registryToken) return { registryToken: auth.registryToken };
  if (auth.identityToken) return { identityToken: auth.identityToken };
  if (auth.username && auth.password !== undefined) return { username: auth.username, password: auth.password };
  if (!auth.auth) return undefined;
  // Docker pads the decoded text with zero bytes.
  const decoded = Buffer.from(auth.auth, 'base64').toString('utf8').replace(/\0+$/, '');
  const colon = decoded.indexOf(':');
  if (colon < 1) {
    throw new FairleadError('InvalidInput', `${origin}: auth is not base64 of username:password`, {
      hint: 'Log in again.',
    });
  }
  return { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}
