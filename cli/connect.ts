import { FairleadError } from '#lib/errors';
import type { CredentialSource } from '#lib/registry/credentials';
import { formatRepository, type Reference } from '#lib/registry/reference';
import type { Target } from '#lib/registry/target';
import { readStdin } from './files.ts';
import type { RegistryOptions } from './options.ts';

/** Tokens of cloud registries are long; a profile piped in by mistake is longer. */
const maxPasswordBytes = 64 * 1024;

/** Gives the repository that a reference names. */
export type Connect = (reference: Reference) => Target;

/**
 * Where content lives, as the options say: in an OCI layout folder, or in the registries that the references name.
 * Throws InvalidInput for options that contradict each other.
 */
export async function openRegistries(options: RegistryOptions, env: NodeJS.ProcessEnv): Promise<Connect> {
  if (options.ociLayout !== undefined) {
    const folder = options.ociLayout;
    if (options.plainHttp || options.username !== undefined || options.passwordStdin) {
      throw new FairleadError('InvalidInput', '--oci-layout excludes --plain-http, --username and --password-stdin');
    }
    const { layoutRepository } = await import('#lib/registry/layout/repository');
    return (reference) => layoutRepository(folder, formatRepository(reference));
  }
  const [{ remoteRepository }, credentials] = await Promise.all([
    import('#lib/registry/remote/repository'),
    findCredentials(options, env),
  ]);
  return (reference) => remoteRepository(reference, { credentials, plainHttp: options.plainHttp ?? false });
}

/** The password of `docker login`, unless the command line names another user. */
async function findCredentials(
  { username, passwordStdin }: RegistryOptions,
  env: NodeJS.ProcessEnv,
): Promise<CredentialSource> {
  if (username === undefined && !passwordStdin) {
    const { dockerConfigCredentials } = await import('#lib/registry/credentials');
    return dockerConfigCredentials(env);
  }
  if (username === undefined || !passwordStdin) {
    throw new FairleadError('InvalidInput', '--username and --password-stdin belong together', {
      hint: 'A password on the command line can be read by every process: echo "$PASSWORD" | fairlead … --username NAME --password-stdin',
    });
  }
  const password = new TextDecoder().decode(await readStdin(maxPasswordBytes)).replace(/\r?\n$/, '');
  return async () => ({ username, password });
}
