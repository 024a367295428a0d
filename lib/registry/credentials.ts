import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import type { Reference } from './reference.ts';

/** What proves to a registry who we are. An identity token is exchanged at the token service (OAuth2), a registry token is sent as it is. */
export type Credentials =
  | { readonly username: string; readonly password: string }
  | { readonly identityToken: string }
  | { readonly registryToken: string };

/** Finds the credentials for a repository; undefined means anonymous. */
export type CredentialSource = (
  repository: Pick<Reference, 'registry' | 'repository'>,
) => Promise<Credentials | undefined>;

const authEntrySchema = v.object({
  auth: v.exactOptional(v.string()),
  username: v.exactOptional(v.string()),
  password: v.exactOptional(v.string()),
  identitytoken: v.exactOptional(v.string()),
  registrytoken: v.exactOptional(v.string()),
});
const configSchema = v.object({ auths: v.optional(v.record(v.string(), authEntrySchema), {}) });

/**
 * Credentials of `docker login`: the `auths` of `$DOCKER_CONFIG/config.json`, else of `$HOME/.docker/config.json`, read at the first use.
 * No file means anonymous; a file that is not right rejects with InvalidInput, which names the file and nothing of its content.
 */
export function dockerConfigCredentials(env: Readonly<Record<string, string | undefined>>): CredentialSource {
  const folder = env['DOCKER_CONFIG'] || (env['HOME'] ? join(env['HOME'], '.docker') : undefined);
  if (folder === undefined) return async () => undefined;
  const file = join(folder, 'config.json');
  let loading: Promise<v.InferOutput<typeof configSchema>> | undefined;
  return async ({ registry }) => {
    loading ??= readConfig(file);
    const { auths } = await loading;
    for (const key of configKeys(registry)) {
      const entry = Object.hasOwn(auths, key) ? auths[key] : undefined;
      if (entry !== undefined) return entryCredentials(entry, `${file}: auths of ${key}`);
    }
    return undefined;
  };
}

async function readConfig(file: string): Promise<v.InferOutput<typeof configSchema>> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}';
    throw new FairleadError('InvalidInput', `${file}: cannot be read: ${error.code}`, { cause: error });
  });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The parser's message quotes the text, and with it a secret: it is not passed on.
    throw new FairleadError('InvalidInput', `${file}: is not JSON`, { hint: 'Log in again, or remove the file.' });
  }
  const result = v.safeParse(configSchema, json, { abortEarly: true });
  if (result.success) return result.output;
  throw new FairleadError(
    'InvalidInput',
    `${file}: ${v.getDotPath(result.issues[0]) ?? 'the document'} has not the form of a Docker config.json`,
  );
}

/** The keys under which tools store a registry's credentials: the host, the host as URL, and Docker Hub's legacy name. */
function configKeys(registry: string): string[] {
  const hosts = ['docker.io', 'index.docker.io', 'registry-1.docker.io'].includes(registry)
    ? ['https://index.docker.io/v1/', 'docker.io', 'index.docker.io', 'registry-1.docker.io']
    : [registry];
  return hosts.flatMap((host) => [
    host,
    `https://${host}`,
    `https://${host}/`,
    `https://${host}/v1/`,
    `https://${host}/v2/`,
  ]);
}

function entryCredentials(entry: v.InferOutput<typeof authEntrySchema>, origin: string): Credentials | undefined {
  return credentialsOf(
    {
      username: entry.username,
      password: entry.password,
      auth: entry.auth,
      identityToken: entry.identitytoken,
      registryToken: entry.registrytoken,
    },
    origin,
  );
}

/** The fields of CRI's AuthConfig (cri-api, runtime/v1), as the kubelet sends them with a pull. */
export interface AuthConfig {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Base64 of `username:password`. */
  readonly auth?: string | undefined;
  readonly serverAddress?: string | undefined;
  readonly identityToken?: string | undefined;
  readonly registryToken?: string | undefined;
}

/**
 * Credentials of a CRI AuthConfig for one registry; undefined where it has none, or where its `serverAddress` is another registry.
 * Throws InvalidInput where `auth` is not base64 of `username:password`.
 */
export function authConfigCredentials(auth: AuthConfig, registry: string): Credentials | undefined {
  if (auth.serverAddress) {
    const host = /^(?:https?:\/\/)?([^/]*)/.exec(auth.serverAddress)?.[1] ?? '';
    if (!configKeys(registry).includes(host)) return undefined;
  }
  return credentialsOf(auth, `credentials for ${registry}`);
}

function credentialsOf(auth: AuthConfig, origin: string): Credentials | undefined {
  if (auth.registryToken) return { registryToken: auth.registryToken };
  if (auth.identityToken) return { identityToken: auth.identityToken };
  if (auth.username && auth.password !== undefined) return { username: auth.username, password: auth.password };
  if (!auth.auth) return undefined;
  // Docker pads the decoded text with zero bytes.
  const decoded = Buffer.from(auth.auth, 'base64').toString('utf8').replace(/\0+$/, '');
  const colon = decoded.indexOf(':');
  if (colon < 1) {
    throw new FairleadError('InvalidInput', `${origin}: auth is not base64 of username:password`, {
      hint: 'Log in again.',
    });
  }
  return { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}
