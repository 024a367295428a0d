import type { TokenDependencies } from '#lib/trust/sigstore/identity-token';

/** Returns how the CI system that runs this process is asked for tokens. */
export async function tokenDependencies(env: NodeJS.ProcessEnv): Promise<TokenDependencies> {
  const [{ serviceClient }, { machineOptions }] = await Promise.all([
    import('#lib/network/service-client'),
    import('#lib/registry/remote/machine-options'),
  ]);
  const run = async (program: string, args: readonly string[]): Promise<string> => {
    const [{ execFile }, { promisify }] = await Promise.all([import('node:child_process'), import('node:util')]);
    return (await promisify(execFile)(program, args, { timeout: 30_000 })).stdout;
  };
  return { env, send: serviceClient(machineOptions(env)), run };
}

/**
 * Returns a token of this CI job for an audience; undefined outside of CI. Throws Unavailable if
 * the CI system issues none.
 */
export async function requestJobToken(audience: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const { jobToken } = await import('#lib/trust/sigstore/identity-token');
  return jobToken(audience, await tokenDependencies(env));
}
