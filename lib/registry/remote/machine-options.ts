import { proxyFromEnvironment } from '../../network/proxy.ts';
import { registryCredentials } from '../credentials/find-credentials.ts';
import type { RemoteOptions } from './api.ts';

/**
 * Directories in which containerd and Docker look for mirrors, authorities and client certificates
 * of registries.
 */
const certsDirectories: readonly string[] = ['/etc/containerd/certs.d', '/etc/docker/certs.d'];

/**
 * Returns how this machine accesses registries, as its other tools do: with the credentials that
 * `docker login` and similar tools stored, through the proxies of the environment, by the `certs.d`
 * directories of containerd and Docker. Files are read when a registry is first asked. Throws
 * InvalidInput if the environment has an invalid proxy.
 */
export function machineOptions(env: Readonly<Record<string, string | undefined>>): RemoteOptions {
  return { credentials: registryCredentials(env), proxy: proxyFromEnvironment(env), certsDirectories };
}
