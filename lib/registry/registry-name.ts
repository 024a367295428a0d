import { hubNames } from '../network/hosts/docker-hub.ts';
import { isRegistry } from './reference.ts';

/** The names of few registries are compared again and again, with every profile of every pod. */
const known = new Map<string, string>();
const mostKnown = 1000;

/**
 * Returns the canonical name of a registry: its host as in URLs, without the port of HTTPS, and
 * `docker.io` for all hosts of Docker Hub. A registry in capitals, with that port or under another
 * of its names must match the same rules and settings.
 */
export function registryName(registry: string): string {
  const found = known.get(registry);
  if (found !== undefined) return found;
  const name = canonicalName(registry);
  if (known.size >= mostKnown) known.clear();
  known.set(registry, name);
  return name;
}

function canonicalName(registry: string): string {
  const host = isRegistry(registry)
    ? new URL(`https://${registry}`).host
    : registry
        .toLowerCase()
        .replace(/:0+(?=[0-9])/, ':')
        .replace(/:443$/, '');
  return hubNames.includes(host) ? (hubNames[0] ?? host) : host;
}

/**
 * Returns all names of a registry that {@link registryName} considers the same, the canonical one
 * first: settings may be stored under any of them.
 */
export function registryNames(registry: string): readonly string[] {
  const name = registryName(registry);
  return hubNames.includes(name) ? hubNames : [name];
}

/**
 * Returns the canonical name of a repository, given as `registry/repository` with its registry in
 * any spelling.
 */
export function repositoryName(repository: string): string {
  const [registry = '', ...path] = repository.split('/');
  return [registryName(registry), ...path].join('/');
}
