import type { Tls } from './hosts/tls.ts';
import type { Proxies } from './proxy.ts';

/** How connections are made. `connectTimeout` is in milliseconds. */
export interface Connection {
  readonly connectTimeout: number;
  readonly tls?: Tls | undefined;
  readonly proxy?: Proxies | undefined;
}
