import { readFile } from 'node:fs/promises';
import { FairleadError } from '#lib/errors';
import { requireTrustedPath } from '#lib/files/trusted-path';
import type { CredentialSource } from '#lib/registry/credentials/credentials';

/** The kubelet's two flags of the same names. */
export interface ProviderOptions {
  /** File with a CredentialProviderConfig. */
  readonly imageCredentialProviderConfig?: string;
  /** Directory of the programs that it names. */
  readonly imageCredentialProviderBinDir?: string;
}

/**
 * Opens the kubelet's credential providers, configured as the kubelet has them; undefined if it has
 * none. Their answers are kept for as long as they specify. Rejects with InvalidInput, as the
 * kubelet does not start either, where one option is given without the other, the config is not
 * right, a program cannot be run, or others can change the config or the directory of the programs.
 */
export async function openCredentialProviders(
  { imageCredentialProviderConfig: file, imageCredentialProviderBinDir: programs }: ProviderOptions,
  env: NodeJS.ProcessEnv,
): Promise<CredentialSource | undefined> {
  if (file === undefined && programs === undefined) return undefined;
  if (file === undefined || programs === undefined) {
    throw new FairleadError(
      'InvalidInput',
      '`imageCredentialProviderConfig` and `imageCredentialProviderBinDir` must be set together',
      { hint: 'Set both to the values that the kubelet has.' },
    );
  }
  // The programs run as the shim's user, mostly root.
  for (const path of [file, programs]) await requireTrustedPath(path);
  const config = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new FairleadError('InvalidInput', `${file}: cannot be read`, {
      cause,
      hint: 'It is to be the file of the kubelet that configures its credential providers.',
    });
  });
  const { kubeletProviderCredentials } = await import('#lib/registry/credentials/kubelet-provider');
  return kubeletProviderCredentials(config, { file, programs, env, clock: () => performance.now() });
}
