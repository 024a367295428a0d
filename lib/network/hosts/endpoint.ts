import { registryName } from '../../registry/registry-name.ts';
import type { Tls } from '../agents.ts';

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

/** The host that serves the API of a registry: Docker Hub's is another than its name. */
export function apiHost(registry: string): string {
  return registryName(registry) === 'docker.io' ? 'registry-1.docker.io' : registry;
}
