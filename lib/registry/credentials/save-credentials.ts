import { dirname } from 'node:path';
import { FairleadError } from '#lib/errors';
import { fileHint } from '#lib/files/file-hint';
import { makeDirectory } from '#lib/files/make-directory';
import { placeToWrite } from '#lib/files/place-to-write';
import { writeWhole } from '#lib/files/write-whole';
import type { Env } from '#lib/programs/run-program';
import { registryName, repositoryName } from '../registry-name.ts';
import { type ConfigFile, readConfigFile } from './config-file.ts';
import { eraseFromHelper, getFromHelper, storeInHelper } from './credential-helper.ts';
import type { Credentials } from './credentials.ts';
import { dockerConfigFile, helperOf, nameOfKey, serverOf, serversOf } from './find-credentials.ts';

/**
 * Stores credentials for a registry where {@link dockerConfigCredentials} and other tools find
 * them: in the helper that Docker's config.json names, otherwise in that file itself, readable only
 * by its owner. Returns the place by a readable name. Rejects with InvalidInput for a registry
 * token, which is not stored, and if there is no home directory, and as the helper does.
 */
export async function saveCredentials(env: Env, registry: string, who: Credentials): Promise<string> {
  if ('registryToken' in who)
    throw new FairleadError('InvalidInput', 'a registry token is not stored: it expires soon');
  const { file, config } = await openConfig(env);
  const helper = helperOf(config, registry) ?? (config.credsStore || undefined);
  const username = 'username' in who ? who.username : '<token>';
  const secret = 'username' in who ? who.password : who.identityToken;
  if (helper !== undefined) {
    await storeInHelper(helper, serverOf(registry), { username, secret }, env);
    return `docker-credential-${helper}`;
  }
  if (username.includes(':'))
    throw new FairleadError('InvalidInput', 'a user name with a colon cannot be stored in a Docker config.json');
  const entry =
    'username' in who
      ? { auth: Buffer.from(`${username}:${secret}`).toString('base64') }
      : { auth: Buffer.from('00000000-0000-0000-0000-000000000000:').toString('base64'), identitytoken: secret };
  // An entry for the same registry under another of its names would be found instead.
  await writeConfig(file, { ...config, auths: { ...authsWithout(config, registry), [serverOf(registry)]: entry } });
  return file;
}

/**
 * Removes what {@link saveCredentials} stored; reports whether the file had an entry (a helper does
 * not report it).
 */
export async function eraseCredentials(env: Env, registry: string): Promise<boolean> {
  const { file, config } = await openConfig(env);
  const helper = helperOf(config, registry) ?? (config.credsStore || undefined);
  if (helper !== undefined) {
    const [written, ...others] = serversOf(registry);
    // Helpers fail for entries that they do not have: of the other names only one that is stored is
    // erased.
    const kept = others.length === 0 ? [] : await keptIn(helper, serversOf(registry), env);
    for (const server of kept.length === 0 ? [written] : kept) await eraseFromHelper(helper, server, env);
  }
  const auths = authsWithout(config, registry);
  if (Object.keys(auths).length === Object.keys(config.auths).length) return helper !== undefined;
  await writeConfig(file, { ...config, auths });
  return true;
}

/** Returns the servers that a helper has an entry for. */
async function keptIn(helper: string, servers: readonly string[], env: Env): Promise<string[]> {
  const kept: string[] = [];
  for (const server of servers) if ((await getFromHelper(helper, server, env)) !== undefined) kept.push(server);
  return kept;
}

/** Returns the entries that are not for a registry as a whole, under any of its names. */
function authsWithout({ auths }: ConfigFile, registry: string): ConfigFile['auths'] {
  const name = registryName(registry);
  return Object.fromEntries(Object.entries(auths).filter(([key]) => repositoryName(nameOfKey(key)) !== name));
}

async function openConfig(env: Env): Promise<{ file: string; config: ConfigFile }> {
  const file = dockerConfigFile(env);
  if (file === undefined) {
    throw new FairleadError('InvalidInput', 'no directory to store credentials in', {
      hint: 'Set HOME or DOCKER_CONFIG.',
    });
  }
  return { file, config: (await readConfigFile(file)) ?? { auths: {}, credHelpers: {}, credsStore: '' } };
}

/**
 * Writes the file as a whole, through a link to its real path. Defaults that were not in it are
 * omitted.
 */
async function writeConfig(file: string, { credHelpers, credsStore, ...rest }: ConfigFile): Promise<void> {
  const config = {
    ...rest,
    ...(Object.keys(credHelpers).length > 0 ? { credHelpers } : {}),
    ...(credsStore === '' ? {} : { credsStore }),
  };
  try {
    await makeDirectory(dirname(file), 0o700);
    const { path, isReplaced } = await placeToWrite(file);
    if (!isReplaced)
      throw new FairleadError('InvalidInput', `${file} is not a file that can be replaced`, {
        hint: 'Move it away, or set DOCKER_CONFIG to another directory.',
      });
    const content = Buffer.from(`${JSON.stringify(config, undefined, '\t')}\n`);
    await writeWhole(path, content, { temporaryDirectory: dirname(path), mode: 0o600 });
  } catch (error) {
    if (error instanceof FairleadError) throw error;
    throw new FairleadError(
      'Unavailable',
      `${file}: cannot be written: ${error instanceof Error ? error.message : error}`,
      {
        cause: error,
        ...fileHint(error),
      },
    );
  }
}
