import { join } from 'node:path';
import type { Env } from '#lib/programs/run-program';
import { step } from '#lib/steps';
import { formatRepository } from '../reference.ts';
import { registryName, registryNames, repositoryName } from '../registry-name.ts';
import { type AuthEntry, type ConfigFile, parseConfigFile, readConfigFile } from './config-file.ts';
import { getFromHelper } from './credential-helper.ts';
import { type CredentialSource, type Credentials, readCredentials } from './credentials.ts';
import { closestPattern } from './image-pattern.ts';

type Name = Parameters<CredentialSource>[0];
type Auths = Readonly<Record<string, AuthEntry>>;

/**
 * Finds credentials of `docker login`: `$DOCKER_CONFIG/config.json`, otherwise
 * `$HOME/.docker/config.json`, read each time. A helper of `credHelpers` for the registry decides
 * alone; otherwise that of `credsStore` is asked, then `auths` is searched. No file means
 * anonymous. The source rejects with InvalidInput for an invalid file, and with Unauthenticated if
 * a helper fails.
 */
export function dockerConfigCredentials(env: Env): CredentialSource {
  const file = dockerConfigFile(env);
  return file === undefined ? async () => undefined : fileCredentials(file, env);
}

/**
 * Finds credentials of all tools that log in to registries: containers' auth.json (only
 * `$REGISTRY_AUTH_FILE` if that is set, otherwise `$XDG_RUNTIME_DIR/containers/auth.json` and
 * `containers/auth.json` in the user's configuration; containers-auth.json(5)), in which entries
 * may be for single repositories, then Docker's config.json.
 */
export function registryCredentials(env: Env): CredentialSource {
  return firstCredentials(credentialFiles(env).map((file) => fileCredentials(file, env)));
}

/** Returns the credentials of the first source that has some. Rejects as the sources do. */
export function firstCredentials(sources: readonly CredentialSource[]): CredentialSource {
  return async (name) => {
    for (const source of sources) {
      const found = await source(name);
      if (found !== undefined) return found;
    }
    return undefined;
  };
}

/**
 * Finds credentials in the text of a config.json, such as a Kubernetes pull secret's
 * `.dockerconfigjson`; helpers that it names are not run. As in Kubernetes, keys may have `*` and
 * `?` in parts of a host name. Throws InvalidInput for an invalid text.
 */
export function parseDockerConfig(text: string, origin: string): CredentialSource {
  const { auths } = parseConfigFile(text, origin);
  const patterns = Object.keys(auths).filter((key) => /[*?]/.test(key));
  return async (name) => {
    const found = findInAuths(auths, name, origin);
    if (found !== undefined || patterns.length === 0) return found;
    const key = registryNames(name.registry)
      .map((registry) => closestPattern(patterns, formatRepository({ ...name, registry })))
      .find((pattern) => pattern !== undefined);
    return key === undefined ? undefined : credentialsOf(auths, key, origin);
  };
}

/** Returns the path of Docker's config.json; undefined without a home directory. */
export function dockerConfigFile(env: Env): string | undefined {
  const directory = env['DOCKER_CONFIG'] || (env['HOME'] ? join(env['HOME'], '.docker') : undefined);
  return directory === undefined ? undefined : join(directory, 'config.json');
}

/** Returns the files that may have credentials, in the order of their precedence. */
function credentialFiles(env: Env): string[] {
  if (env['REGISTRY_AUTH_FILE']) return [env['REGISTRY_AUTH_FILE']];
  const configuration = env['XDG_CONFIG_HOME'] || (env['HOME'] ? join(env['HOME'], '.config') : undefined);
  const directories = [env['XDG_RUNTIME_DIR'], configuration].filter(
    (directory) => directory !== undefined && directory !== '',
  );
  const docker = dockerConfigFile(env);
  return [
    ...directories.map((directory) => join(directory ?? '', 'containers/auth.json')),
    ...(docker === undefined ? [] : [docker]),
  ];
}

function fileCredentials(file: string, env: Env): CredentialSource {
  return async (name) => {
    // Read each time: secrets that are mounted into a service change while it runs.
    const config = await readConfigFile(file);
    if (config === undefined) return undefined;
    const helper = helperOf(config, name.registry);
    if (helper !== undefined) return askHelper(helper, name.registry, env);
    const stored = config.credsStore === '' ? undefined : await askHelper(config.credsStore, name.registry, env);
    if (stored !== undefined) return stored;
    const found = findInAuths(config.auths, name, file);
    if (found !== undefined) step(() => `use the credentials for ${name.registry} in ${file}`);
    return found;
  };
}

/** Returns the helper that `credHelpers` names for a registry. */
export function helperOf({ credHelpers }: ConfigFile, registry: string): string | undefined {
  const keys = Object.keys(credHelpers).filter((key) => registryName(nameOfKey(key)) === registryName(registry));
  const key = [registry, ...registryNames(registry), ...keys].find((each) => keys.includes(each));
  return key === undefined ? undefined : credHelpers[key] || undefined;
}

/**
 * Returns the name of a registry at helpers: its host as written, and for Docker Hub the URL that
 * Docker has always used.
 */
export function serverOf(registry: string): string {
  return registryName(registry) === 'docker.io' ? 'https://index.docker.io/v1/' : registry;
}

/** Returns the names that a helper may have a registry under, that of the host as written first. */
export function serversOf(registry: string): readonly [string, ...string[]] {
  const [written, one] = [serverOf(registry), serverOf(registryName(registry))];
  return written === one ? [written] : [written, one];
}

async function askHelper(helper: string, registry: string, env: Env): Promise<Credentials | undefined> {
  for (const server of serversOf(registry)) {
    const found = await getFromHelper(helper, server, env);
    if (found === undefined) continue;
    step(() => `use the credentials for ${server} from docker-credential-${helper}`);
    return found;
  }
  return undefined;
}

function findInAuths(auths: Auths, name: Name, origin: string): Credentials | undefined {
  const names = Object.keys(auths).map((key) => ({ key, name: repositoryName(nameOfKey(key)) }));
  // If several keys have the same name, the key that is the name itself comes first.
  names.sort((one, other) => Number(other.key === other.name) - Number(one.key === one.name));
  for (const wanted of namesOf(name)) {
    const key = names.find((entry) => entry.name === wanted)?.key;
    if (key !== undefined) return credentialsOf(auths, key, origin);
  }
  return undefined;
}

function credentialsOf(auths: Auths, key: string, origin: string): Credentials | undefined {
  const { auth, username, password, identitytoken, registrytoken } = auths[key] ?? {};
  const fields = { auth, username, password, identityToken: identitytoken, registryToken: registrytoken };
  return readCredentials(fields, `${origin}: auths of ${key}`);
}

/**
 * Returns the names that credentials for a repository may be stored under, the most specific first:
 * the repository, its parents, the host.
 */
function namesOf({ registry, repository }: Name): string[] {
  const components = repository.split('/');
  const paths = components.map((_, at) => `/${components.slice(0, components.length - at).join('/')}`);
  return [...paths, ''].map((path) => `${registryName(registry)}${path}`);
}

/**
 * Returns the host, or host and repository, of a key of `auths`. Docker and the kubelet also write
 * and read URLs, with the path of the API: `https://index.docker.io/v1/`,
 * `http://registry.example.com`.
 */
export function nameOfKey(key: string): string {
  const url = /^https?:\/\/(.*)$/.exec(key)?.[1];
  if (url === undefined) return key;
  return url.replace(/\/+$/, '').replace(/\/v[12]$/, '');
}
