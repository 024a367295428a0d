import type { Tls } from './tls.ts';

export type Capability = 'pull' | 'resolve' | 'push';

/** A host that serves a registry's content: the registry itself, or a mirror of it. */
export interface Endpoint {
  /**
   * The URL that paths of its API are appended to, with a `/` at the end, as
   * `https://mirror.example.com/v2/`.
   */
  readonly api: URL;
  readonly capabilities: readonly Capability[];
  readonly tls?: Tls | undefined;
  /** Headers for every request to it. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * True for another host than the registry's own: credentials for the registry are not sent to it.
   */
  readonly mirror: boolean;
}
