import { FairleadError } from '#lib/errors';
import { formatRepository, type Reference } from '#lib/registry/reference';
import { repositoryName } from '#lib/registry/registry-name';
import type { RemoteOptions } from '#lib/registry/remote/api';
import type { Repository } from '#lib/registry/target';
import { readStdin } from '../files/files.ts';
import { asksForJson, writeNote } from '../terminal/output.ts';
import { localRepository } from './local-repository.ts';
import type { RegistryOptions } from './options.ts';
import { reportedRepository } from './reported-repository.ts';

/** Longer than the tokens of cloud registries, and shorter than a profile piped in by mistake. */
const maxPasswordBytes = 64 * 1024;

/** Returns the repository that a reference names. */
export type Connect = (reference: Pick<Reference, 'registry' | 'repository'>) => Repository;

/**
 * Opens what the options specify: an OCI layout directory, or the registries that references name.
 * Throws InvalidInput for options that exclude each other.
 */
export async function openRegistries(options: RegistryOptions, env: NodeJS.ProcessEnv): Promise<Connect> {
  if (options.ociLayout !== undefined) {
    const directory = options.ociLayout;
    if (options.plainHttp || options.trustRealm || options.username !== undefined || options.passwordStdin) {
      throw new FairleadError(
        'InvalidInput',
        '--oci-layout cannot be used with --plain-http, --trust-realm, --username or --password-stdin',
        { hint: 'Leave these out, or leave out --oci-layout to use the registry.' },
      );
    }
    const { layoutRepository } = await import('#lib/registry/layout/repository');
    return (reference) => {
      const name = repositoryName(formatRepository(reference));
      return reportedRepository(localRepository(layoutRepository(directory, name)), `${directory}/${name}`);
    };
  }
  const [{ remoteRepository }, remoteOptions] = await Promise.all([
    import('#lib/registry/remote/repository'),
    openNetwork(options, env),
  ]);
  return (reference) => reportedRepository(remoteRepository(reference, remoteOptions), formatRepository(reference));
}

/**
 * Returns how registries are reached: the configuration of this machine, with the options on top.
 * Rejects with InvalidInput.
 */
export async function openNetwork(
  { username, passwordStdin, plainHttp = false, trustRealm = [] }: RegistryOptions,
  env: NodeJS.ProcessEnv,
): Promise<RemoteOptions> {
  const { machineOptions } = await import('#lib/registry/remote/machine-options');
  const machine = { ...machineOptions(env), plainHttp, trustedRealms: trustRealm, onWarning: warnOnce() };
  if (username === undefined && !passwordStdin) return machine;
  if (username === undefined || !passwordStdin) {
    throw new FairleadError('InvalidInput', '--username and --password-stdin must be used together', {
      hint: 'Other processes can read a password on the command line. Use: echo "$PASSWORD" | fairlead … --username NAME --password-stdin',
    });
  }
  return { ...machine, credentials: { username, password: await readPassword() } };
}

/** Prints each warning of a registry once on stderr, unless stderr is JSON. */
function warnOnce(): (text: string, host: string) => void {
  const printed = new Set<string>();
  return (text, host) => {
    const line = `${host} warns: ${text}`;
    if (printed.has(line) || asksForJson(process.argv)) return;
    printed.add(line);
    writeNote('note', line);
  };
}

/** Reads a password from stdin, without the end of its line. */
export async function readPassword(): Promise<string> {
  return new TextDecoder().decode(await readStdin(maxPasswordBytes)).replace(/\r?\n$/, '');
}
