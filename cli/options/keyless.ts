import type { Command } from 'commander';
import { FairleadError } from '#lib/errors';
import type { NetworkOptions } from '#lib/network/network-options';
import type { PrivateKey } from '#lib/trust/keys/key';
import type { Signer } from '#lib/trust/sign/signer';
import type { SignatureFormat } from '#lib/trust/signature/signature';
import { readInput } from '../files/files.ts';
import { isInteractive } from '../terminal/passphrase.ts';
import { tokenDependencies } from './job-token.ts';

/** Values of the options that addKeylessOptions adds. */
export interface KeylessOptions {
  readonly keyless?: boolean;
  readonly identityToken?: string;
  readonly signingConfig?: string;
  readonly trustedRoot?: string;
  readonly signatureFormat?: SignatureFormat;
}

/** The most bytes of a signing config and of a trusted root. */
export const maxConfigBytes = 1024 * 1024;

/** Adds the options of keyless signing. */
export function addKeylessOptions(command: Command): Command {
  return command
    .option(
      '--keyless',
      'sign with a Sigstore certificate for the identity of this CI job, or for your own after a login in a browser',
    )
    .option('--identity-token <file>', 'OIDC token for --keyless (default: the token of the CI system); - is stdin')
    .option(
      '--signing-config <file>',
      'Sigstore services for --keyless, as a signing config of cosign (default: the public instance); with --key, the logs that record the signature',
    )
    .option('--trusted-root <file>', 'verify what these services return with this trusted root before publishing');
}

/**
 * Prepares keyless signing. Returns undefined without --keyless. Throws InvalidInput for options
 * that need --keyless, and if there is no identity token.
 */
export async function openKeylessSigner(
  options: KeylessOptions,
  env: NodeJS.ProcessEnv,
  { besideKey = false } = {},
): Promise<Signer | undefined> {
  if (!options.keyless) {
    // With a key, a signing config names the logs, and a trusted root verifies their entries.
    const logged = besideKey && options.signingConfig !== undefined;
    const beside = logged ? (['identityToken'] as const) : (['identityToken', 'signingConfig', 'trustedRoot'] as const);
    const found = beside.find((name) => options[name] !== undefined);
    if (found === undefined) return undefined;
    const flag = found.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    const withKey = besideKey && found === 'trustedRoot';
    throw new FairleadError('InvalidInput', `--${flag} needs --keyless${withKey ? ' or --signing-config' : ''}`, {
      hint: withKey
        ? 'Add --signing-config FILE, whose services the trusted root verifies, or leave out --trusted-root.'
        : `Add --keyless, or leave out --${flag}.`,
    });
  }
  // Checked before the network is used.
  if (options.signatureFormat === 'legacy') {
    throw new FairleadError('InvalidInput', '--keyless and --signature-format legacy cannot be used together', {
      hint: 'Keyless signatures are always bundles. Leave out --signature-format, or sign with --key.',
    });
  }
  const given = await findToken(options.identityToken, env);
  const [{ keylessSigner }, { machineOptions }, signingConfig, trustedRoot] = await Promise.all([
    import('#lib/trust/sign/keyless-signer'),
    import('#lib/registry/remote/machine-options'),
    readService(options, 'signingConfig', 'signing_config.v0.2.json', env),
    readService(options, 'trustedRoot', 'trusted_root.json', env),
  ]);
  if (signingConfig === undefined) throw new FairleadError('Internal', 'there is no signing config');
  const network = machineOptions(env);
  const token = given ?? (await logIn(signingConfig, network));
  const { readTrustedRoot } = await import('#lib/trust/roots/read-trusted-root');
  return keylessSigner({ signingConfig, token, trustedRoot: trustedRoot && readTrustedRoot(trustedRoot), network });
}

/** Prepares signing with a key, whose use is logged if the options name the services for it. */
export async function openKeySigner(
  key: Promise<PrivateKey>,
  options: KeylessOptions,
  env: NodeJS.ProcessEnv,
): Promise<Signer> {
  if (options.signingConfig === undefined) {
    const { keySigner } = await import('#lib/trust/sign/key-signer');
    return keySigner(await key);
  }
  const [{ loggedSigner }, { machineOptions }, { openTrustedRoot }, signingConfig, trustedRoot] = await Promise.all([
    import('#lib/trust/sign/logged-signer'),
    import('#lib/registry/remote/machine-options'),
    import('#lib/trust/roots/open-trusted-root'),
    readInput(options.signingConfig, maxConfigBytes),
    options.trustedRoot === undefined ? undefined : readInput(options.trustedRoot, maxConfigBytes),
  ]);
  return loggedSigner(await key, {
    signingConfig,
    trustedRoot: trustedRoot && (await openTrustedRoot(trustedRoot)),
    network: machineOptions(env),
  });
}

/**
 * Returns the token of the file or of the CI system, and undefined if none exists and a person
 * can log in. Throws InvalidInput if there is neither.
 */
async function findToken(file: string | undefined, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const { ambientToken, checkIdentityToken } = await import('#lib/trust/sigstore/identity-token');
  const token =
    file === undefined
      ? await ambientToken(await tokenDependencies(env))
      : new TextDecoder().decode(await readInput(file, 64 * 1024));
  if (token !== undefined) return checkIdentityToken(token, Date.now());
  if (isInteractive()) return undefined;
  throw new FairleadError('InvalidInput', 'no identity token for --keyless', {
    hint: 'Set --identity-token FILE or SIGSTORE_ID_TOKEN. A job of GitHub Actions needs `permissions: {id-token: write}`.',
  });
}

/** Lets the person at the terminal log in with a browser, on any device. */
async function logIn(signingConfig: Uint8Array, network: NetworkOptions): Promise<string> {
  const [{ deviceToken }, { serviceClient }, { readSigningConfig }, { checkIdentityToken }, { setTimeout: sleep }] =
    await Promise.all([
      import('#lib/trust/sigstore/device-flow'),
      import('#lib/network/service-client'),
      import('#lib/trust/sigstore/signing-config'),
      import('#lib/trust/sigstore/identity-token'),
      import('node:timers/promises'),
    ]);
  const { issuer } = readSigningConfig(signingConfig, Date.now());
  if (issuer === undefined) {
    throw new FairleadError('InvalidInput', 'the signing config names no OIDC issuer for the login', {
      hint: 'Use --identity-token FILE.',
    });
  }
  const ask = (url: string, code: string): void =>
    void process.stderr.write(`To sign with your identity, open ${url} in a browser and enter the code ${code}\n`);
  return checkIdentityToken(await deviceToken(issuer, { send: serviceClient(network), sleep, ask }), Date.now());
}

/**
 * Reads the file that an option names, by default that of the public instance. The public trusted
 * root does not apply to services that a file names.
 */
async function readService(
  options: KeylessOptions,
  option: 'signingConfig' | 'trustedRoot',
  target: string,
  env: NodeJS.ProcessEnv,
): Promise<Uint8Array | undefined> {
  const file = options[option];
  if (file !== undefined) return readInput(file, maxConfigBytes);
  if (options.signingConfig !== undefined) return undefined;
  return publicServiceFile(
    target,
    env,
    'Check the network, or use other services with --signing-config FILE and --trusted-root FILE.',
  );
}

/**
 * Fetches a file of the public Sigstore instance: its signing config or trusted root. Throws
 * Unavailable with this hint if it cannot be fetched.
 */
export async function publicServiceFile(target: string, env: NodeJS.ProcessEnv, hint: string): Promise<Uint8Array> {
  const [{ cacheDirectory, fetchTufTarget }, { machineOptions }] = await Promise.all([
    import('#lib/trust/sigstore/tuf-target'),
    import('#lib/registry/remote/machine-options'),
  ]);
  const surroundings = { cacheDirectory: cacheDirectory(env), now: Date.now, network: machineOptions(env) };
  return fetchTufTarget('public', target, surroundings).catch((error: unknown) => {
    if (!(error instanceof FairleadError) || error.kind !== 'Unavailable') throw error;
    throw new FairleadError('Unavailable', error.message, { cause: error.cause, hint });
  });
}
