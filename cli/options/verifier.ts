import type { Command } from 'commander';
import { FairleadError } from '#lib/errors';
import type { PublicKey } from '#lib/trust/keys/key';
import { isKmsReference } from '#lib/trust/kms/key-reference';
import type { Alternative } from '#lib/trust/policy/policy';
import type { SigstoreRoot } from '#lib/trust/roots/trusted-root';
import { readInput, readText } from '../files/files.ts';
import { onlyOnce } from './environment.ts';
import { maxConfigBytes, publicServiceFile } from './keyless.ts';

/** Values of the options that addVerifierOptions adds. */
export interface VerifierOptions {
  readonly key?: string;
  readonly certificateIdentity?: string;
  readonly certificateOidcIssuer?: string;
  readonly trustedRoot?: string;
}

/** Adds the options that name who must have signed: a key or an identity. */
export function addVerifierOptions(command: Command): Command {
  return command
    .option('--key <file>', 'public key of the signer: a file, or NAME://KEY of a key service', onlyOnce)
    .option('--certificate-identity <name>', 'identity of the signer: an e-mail address or a URI', onlyOnce)
    .option('--certificate-oidc-issuer <url>', 'OIDC issuer that confirmed the identity', onlyOnce)
    .option(
      '--trusted-root <file>',
      'Sigstore trusted root (default: the public instance); with --key, require an entry in its transparency log',
      onlyOnce,
    );
}

/**
 * Returns who must have signed. Throws InvalidInput for options that exclude or need each other,
 * and for files that cannot be read, and Unavailable if the public trusted root cannot be fetched.
 */
export async function openVerifier(
  { key, certificateIdentity: identity, certificateOidcIssuer: issuer, trustedRoot }: VerifierOptions,
  env: NodeJS.ProcessEnv,
): Promise<Alternative> {
  const keyless = identity !== undefined || issuer !== undefined;
  if (key !== undefined) {
    if (keyless) throw usage('--key and --certificate-identity cannot be used together', 'Leave out one of them.');
    const publicKey = await readPublicKey(key, env);
    if (trustedRoot === undefined) return { key, publicKey };
    return { key, publicKey, log: { use: 'required', root: await openRoot(trustedRoot, env) } };
  }
  if (!keyless) {
    throw usage(
      'no key or identity to verify with',
      'Use --key FILE, or --certificate-identity NAME and --certificate-oidc-issuer URL.',
    );
  }
  if (identity === undefined || issuer === undefined) {
    throw usage(
      `--certificate-${identity === undefined ? 'oidc-issuer' : 'identity'} needs --certificate-${identity === undefined ? 'identity' : 'oidc-issuer'}`,
      'An identity is only known by the issuer that confirmed it: name both.',
    );
  }
  return {
    keyless: { identity: { exact: identity }, issuer: { exact: issuer }, claims: {} },
    log: { use: 'required', root: await openRoot(trustedRoot, env) },
  };
}

async function readPublicKey(key: string, env: NodeJS.ProcessEnv): Promise<PublicKey> {
  if (isKmsReference(key)) {
    const { openKmsPublicKey } = await import('#lib/trust/kms/kms-key');
    return openKmsPublicKey(key, env);
  }
  const { namedPublicKey } = await import('#lib/trust/policy/key-policy');
  return namedPublicKey(key, await readText(key));
}

async function openRoot(file: string | undefined, env: NodeJS.ProcessEnv): Promise<SigstoreRoot> {
  const [{ openTrustedRoot }, bytes] = await Promise.all([
    import('#lib/trust/roots/open-trusted-root'),
    file === undefined ? publicServiceFile('trusted_root.json', env, rootHint) : readInput(file, maxConfigBytes),
  ]);
  return openTrustedRoot(bytes);
}

const rootHint = 'Check the network, or name the trusted root with --trusted-root FILE.';

function usage(message: string, hint: string): FairleadError {
  return new FairleadError('InvalidInput', message, { hint });
}
