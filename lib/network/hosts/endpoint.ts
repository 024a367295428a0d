import type { Tls } from './tls.ts';

export type Capability = 'pull' | 'resolve' | 'push';

/** One host that serves a registry's content: the registry itself, or a mirror of it. */
export interface Endpoint {
  /** What its API's paths are appended to; ends with `/`, as `https://mirror.example.com/v2/`. */
  readonly api: URL;
  readonly capabilities: readonly Capability[];
  readonly tls?: Tls | undefined;
  /** Headers that it wants with every request. */
  readonly headers: Readonly<Record<string, string>>;
  /** True for another host than the registry's own: credentials for the registry are not for it. */
  readonly mirror: boolean;
}
