import { hubNames } from '../network/hosts/docker-hub.ts';
import { isRegistry } from './reference.ts';

/**
 * The one name of a registry: its host as URLs have it, without the port of https, and `docker.io`
 * for all hosts of Docker Hub. Whoever asks for the same registry in capitals, with that port or by
 * its other name must come past no rule and no setting that is for it.
 */
export function registryName(registry: string): string {
  const host = isRegistry(registry)
    ? new URL(`https://${registry}`).host
    : registry
        .toLowerCase()
        .replace(/:0+(?=[0-9])/, ':')
        .replace(/:443$/, '');
  return hubNames.includes(host) ? (hubNames[0] ?? host) : host;
}

/**
 * All names of a registry that {@link registryName} takes for the same, its one name first: what
 * settings may be kept under.
 */
export function registryNames(registry: string): readonly string[] {
  const name = registryName(registry);
  return hubNames.includes(name) ? hubNames : [name];
}

/**
 * The one name of a repository, given as `registry/repository`, whichever way its registry is
 * spelled.
 */
export function repositoryName(repository: string): string {
  const [registry = '', ...path] = repository.split('/');
  return [registryName(registry), ...path].join('/');
}
