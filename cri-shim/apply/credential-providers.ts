import { readFile } from 'node:fs/promises';
import { FairleadError } from '#lib/errors';
import { requireFile } from '#lib/files/require-file';
import { requireTrustedPath } from '#lib/files/trusted-path';
import type { CredentialSource } from '#lib/registry/credentials/credentials';

/** The kubelet's two flags of the same names. */
export interface ProviderOptions {
  /** File with a CredentialProviderConfig. */
  readonly imageCredentialProviderConfig?: string;
  /** Directory of the programs that the configuration names. */
  readonly imageCredentialProviderBinDir?: string;
}

/**
 * Opens the credential providers of the kubelet's configuration, and returns undefined if neither
 * option is set. An answer is cached for the duration that it specifies. Rejects with InvalidInput
 * if only one option is set, the configuration is invalid, a program cannot be run, or other users
 * can change the configuration or the directory of the programs. The kubelet does not start then,
 * either.
 */
export async function openCredentialProviders(
  { imageCredentialProviderConfig: file, imageCredentialProviderBinDir: programs }: ProviderOptions,
  env: NodeJS.ProcessEnv,
): Promise<CredentialSource | undefined> {
  if (file === undefined && programs === undefined) return undefined;
  if (file === undefined || programs === undefined) {
    throw new FairleadError(
      'InvalidInput',
      'the configuration and the directory of credential providers must be set together',
      {
        hint: 'Set `imageCredentialProviderConfig` and `imageCredentialProviderBinDir` to the values that the kubelet has.',
      },
    );
  }
  // The programs run as the user of the shim, normally root.
  for (const path of [file, programs]) await requireTrustedPath(path);
  await requireFile(file);
  const config = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new FairleadError('InvalidInput', `${file}: cannot be read`, {
      cause,
      hint: 'Set it to the value of the kubelet: the file with the CredentialProviderConfig.',
    });
  });
  const { kubeletProviderCredentials } = await import('#lib/registry/credentials/kubelet-provider');
  return kubeletProviderCredentials(config, { file, programs, env, clock: () => performance.now() });
}
