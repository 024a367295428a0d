/**
 * The host names of Docker Hub in references, clients and credentials. The first is the common one.
 */
export const hubNames: readonly string[] = ['docker.io', 'index.docker.io', 'registry-1.docker.io'];

/** Returns the host that serves the API of a registry: Docker Hub's is another than its name. */
export function apiHost(registry: string): string {
  const host = URL.canParse(`https://${registry}`) ? new URL(`https://${registry}`).host : registry;
  return hubNames.includes(host) ? 'registry-1.docker.io' : registry;
}
