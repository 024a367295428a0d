import { proxyFromEnvironment } from '../../network/proxy.ts';
import { registryCredentials } from '../credentials/find-credentials.ts';
import type { RemoteOptions } from './api.ts';

/**
 * Where containerd and Docker look for mirrors, authorities and client certificates of registries.
 */
const certsFolders: readonly string[] = ['/etc/containerd/certs.d', '/etc/docker/certs.d'];

/**
 * How this machine reaches registries, as its other tools do: logged in by what `docker login` and
 * its like have kept, through the proxies of the environment, by the `certs.d` folders of
 * containerd and Docker. Files are read when a registry is first asked. Throws InvalidInput where
 * the environment names a proxy that is none.
 */
export function machineOptions(env: Readonly<Record<string, string | undefined>>): RemoteOptions {
  return { credentials: registryCredentials(env), proxy: proxyFromEnvironment(env), certsFolders };
}
