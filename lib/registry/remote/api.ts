import { FairleadError } from '#lib/errors';
import type { Capability } from '../../network/hosts/endpoint.ts';
import type { NetworkOptions } from '../../network/network-options.ts';
import type { HttpResponse } from '../../network/transport.ts';
import type { CredentialSource, Credentials } from '../credentials/credentials.ts';

/** Options for access to a registry. All have defaults. */
export interface RemoteOptions extends NetworkOptions {
  /** Credentials, or a function that finds them; anonymous by default. */
  readonly credentials?: Credentials | CredentialSource | undefined;
  /**
   * Use plain HTTP with a registry that is not on this machine. A registry on this machine is
   * always accessed by plain HTTP.
   */
  readonly plainHttp?: boolean | undefined;
  /**
   * Hosts of token services that may get the credentials although they are on another domain than
   * the registry.
   */
  readonly trustedRealms?: readonly string[] | undefined;
  /**
   * Called once for each warning of the registry (distribution-spec, "Warnings"): its text as it
   * was sent, and the host that sent it.
   */
  readonly onWarning?: ((text: string, host: string) => void) | undefined;
}

/** One request to the registry's API. */
export interface ApiRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** A path below `/v2/`, or a URL that the registry returned. */
  readonly to: string | URL;
  /** The capability that the host must have; by default it follows from method and path. */
  readonly need?: Capability;
  /** Token scopes that the request needs. */
  readonly scopes: readonly string[];
  /**
   * Statuses that are returned; any other is thrown as an error. Redirects of GET and HEAD are
   * followed unless their status is listed here.
   */
  readonly expect: readonly number[];
  readonly headers?: Readonly<Record<string, string>>;
  /** The body, or a function that opens it, called each time it is sent. */
  readonly body?: Uint8Array | (() => Promise<AsyncIterable<Uint8Array>>);
  /**
   * Repeat the request only if the registry refused it (429), not if the connection breaks or the
   * registry fails.
   */
  readonly once?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** An answer, with the URL that it came from after redirects. */
export interface ApiResponse extends HttpResponse {
  readonly url: URL;
}

/** The API of one registry, with authentication and redirects. */
export interface RegistryClient {
  /** The origin of the registry itself, such as `https://registry-1.docker.io`. */
  readonly origin: URL;
  send(request: ApiRequest): Promise<ApiResponse>;
}

/**
 * Returns the URL in a Location header, relative to the URL that it came from. Throws Unavailable
 * if it is invalid.
 */
export function resolveLocation(location: string, from: URL, request: string): URL {
  if (!URL.canParse(location, from.href)) {
    throw new FairleadError('Unavailable', `${request}: the registry returned an invalid Location`);
  }
  const url = new URL(location, from);
  url.username = '';
  url.password = '';
  return url;
}
