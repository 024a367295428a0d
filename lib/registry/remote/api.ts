import { FairleadError } from '#lib/errors';
import type { Capability } from '../../network/hosts/endpoint.ts';
import type { NetworkOptions } from '../../network/network-options.ts';
import type { HttpResponse } from '../../network/transport.ts';
import type { CredentialSource, Credentials } from '../credentials/credentials.ts';

/** How a registry is spoken to. Everything has a default. */
export interface RemoteOptions extends NetworkOptions {
  /** Who we are there, or where to find it; anonymous without. */
  readonly credentials?: Credentials | CredentialSource | undefined;
  /**
   * Speak plain HTTP to a registry that is not on this machine. A registry on this machine is
   * spoken to in plain HTTP always.
   */
  readonly plainHttp?: boolean | undefined;
  /**
   * Hosts of token services that may see the credentials though they are on another domain than the
   * registry.
   */
  readonly trustedRealms?: readonly string[] | undefined;
  /**
   * Called once for each warning of the registry (distribution-spec, "Warnings"): its own words, of
   * a host that it names.
   */
  readonly onWarning?: ((text: string, host: string) => void) | undefined;
}

/** One request to the registry's API. */
export interface ApiRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** A path below `/v2/`, or a URL that the registry gave. */
  readonly to: string | URL;
  /** What the host must be able to do; without, as the method and path say. */
  readonly need?: Capability;
  /** Token scopes that it needs. */
  readonly scopes: readonly string[];
  /**
   * Statuses that are answers; any other is thrown as an error, and redirects of GET and HEAD are
   * followed unless they stand here.
   */
  readonly expect: readonly number[];
  readonly headers?: Readonly<Record<string, string>>;
  /** The body, or a way to open it, called for each time it is sent. */
  readonly body?: Uint8Array | (() => Promise<AsyncIterable<Uint8Array>>);
  /**
   * Repeated only where the registry refused it (429), not where the connection breaks or the
   * registry fails.
   */
  readonly once?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** An answer, with the URL that gave it after redirects. */
export interface ApiResponse extends HttpResponse {
  readonly url: URL;
}

/** One registry's API, with authentication and redirects. */
export interface RegistryClient {
  /** Where the registry itself is, such as `https://registry-1.docker.io`. */
  readonly origin: URL;
  send(request: ApiRequest): Promise<ApiResponse>;
}

/**
 * The URL that a Location header names, relative to where it came from. Throws Unavailable where it
 * is none.
 */
export function resolveLocation(location: string, from: URL, request: string): URL {
  if (!URL.canParse(location, from.href)) {
    throw new FairleadError('Unavailable', `${request}: the registry answered with a Location that is no URL`);
  }
  const url = new URL(location, from);
  url.username = '';
  url.password = '';
  return url;
}
