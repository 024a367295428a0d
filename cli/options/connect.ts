import { FairleadError } from '#lib/errors';
import { formatRepository, type Reference } from '#lib/registry/reference';
import { repositoryName } from '#lib/registry/registry-name';
import type { RemoteOptions } from '#lib/registry/remote/api';
import type { Repository } from '#lib/registry/target';
import { readStdin } from '../files/files.ts';
import { asksForJson, writeNote } from '../terminal/output.ts';
import type { RegistryOptions } from './options.ts';

/** Tokens of cloud registries are long; a profile piped in by mistake is longer. */
const maxPasswordBytes = 64 * 1024;

/** Gives the repository that a reference names. */
export type Connect = (reference: Reference) => Repository;

/**
 * Where content lives, as the options say: in an OCI layout folder, or in the registries that the
 * references name. Throws InvalidInput for options that contradict each other.
 */
export async function openRegistries(options: RegistryOptions, env: NodeJS.ProcessEnv): Promise<Connect> {
  if (options.ociLayout !== undefined) {
    const folder = options.ociLayout;
    if (options.plainHttp || options.trustRealm || options.username !== undefined || options.passwordStdin) {
      throw new FairleadError(
        'InvalidInput',
        '--oci-layout excludes --plain-http, --trust-realm, --username and --password-stdin',
        { hint: 'A folder needs none of them: leave them out, or --oci-layout, to ask the registry.' },
      );
    }
    const { layoutRepository } = await import('#lib/registry/layout/repository');
    return (reference) => layoutRepository(folder, repositoryName(formatRepository(reference)));
  }
  const [{ remoteRepository }, remoteOptions] = await Promise.all([
    import('#lib/registry/remote/repository'),
    openNetwork(options, env),
  ]);
  return (reference) => remoteRepository(reference, remoteOptions);
}

/**
 * How registries are reached: as this machine does, with what the command line says beside. Rejects
 * with InvalidInput.
 */
export async function openNetwork(
  { username, passwordStdin, plainHttp = false, trustRealm = [] }: RegistryOptions,
  env: NodeJS.ProcessEnv,
): Promise<RemoteOptions> {
  const { machineOptions } = await import('#lib/registry/remote/machine-options');
  const machine = { ...machineOptions(env), plainHttp, trustedRealms: trustRealm, onWarning: tellOnce() };
  if (username === undefined && !passwordStdin) return machine;
  if (username === undefined || !passwordStdin) {
    throw new FairleadError('InvalidInput', '--username and --password-stdin belong together', {
      hint: 'A password on the command line can be read by every process: echo "$PASSWORD" | fairlead … --username NAME --password-stdin',
    });
  }
  return { ...machine, credentials: { username, password: await readPassword() } };
}

/** Says on stderr what a registry warns of, once; not where stderr is to be JSON. */
function tellOnce(): (text: string, host: string) => void {
  const told = new Set<string>();
  return (text, host) => {
    const line = `${host} warns: ${text}`;
    if (told.has(line) || asksForJson(process.argv)) return;
    told.add(line);
    writeNote('note', line);
  };
}

/** A password from stdin, without the end of its line. */
export async function readPassword(): Promise<string> {
  return new TextDecoder().decode(await readStdin(maxPasswordBytes)).replace(/\r?\n$/, '');
}
