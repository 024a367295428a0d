import type { Proxies } from './proxy.ts';
import type { Timeouts } from './timeouts.ts';
import type { Retry } from './transport.ts';

/** How registries and other services are reached. Everything has a default. */
export interface NetworkOptions {
  /**
   * Directories in the layout of containerd's and Docker's `certs.d`: mirrors, authorities and
   * client certificates by registry.
   */
  readonly certsDirectories?: readonly string[] | undefined;
  readonly proxy?: Proxies | undefined;
  readonly timeouts?: Partial<Timeouts> | undefined;
  readonly retry?: Partial<Retry> | undefined;
}
