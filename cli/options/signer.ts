import { FairleadError, toFairleadError } from '#lib/errors';
import { step } from '#lib/steps';
import { loadPrivateKey, type PrivateKey } from '#lib/trust/keys/key';
import { isKmsReference } from '#lib/trust/kms/key-reference';
import type { Signer } from '#lib/trust/sign/signer';
import { readText } from '../files/files.ts';
import { findPassphrase, passphraseSource } from '../terminal/passphrase.ts';
import { type KeylessOptions, openKeylessSigner, openKeySigner } from './keyless.ts';

/** Values of the options that addKeyOptions adds. */
export interface KeyOptions {
  readonly key?: string;
  readonly passphraseFile?: string;
}

/** Values of the options of commands that sign with a key or keyless. */
export interface SignerOptions extends KeyOptions, KeylessOptions {}

/**
 * A signer that may still be opening: to decrypt a key with a passphrase takes a tenth of a second
 * on another thread.
 */
export interface OpeningSigner {
  /** Rejects with InvalidInput, naming the file, for a key that cannot be opened. */
  readonly signer: Promise<Signer>;
}

/**
 * Begins to open the signer: a key or an identity. Throws InvalidInput for both, for neither, and
 * for a key file that cannot be read.
 */
export async function startRequiredSigner(options: SignerOptions, env: NodeJS.ProcessEnv): Promise<OpeningSigner> {
  if (options.key !== undefined && options.keyless) {
    throw excluded('--key', '--keyless');
  }
  refuseLonePassphrase(options);
  const keyless = await openKeylessSigner(options, env, { besideKey: options.key !== undefined });
  if (keyless !== undefined) return { signer: Promise.resolve(keyless) };
  if (options.key !== undefined) {
    const opening = isKmsReference(options.key)
      ? startKmsKey(options.key, options, env)
      : await startKey(options.key, options.passphraseFile, env);
    const signer = openKeySigner(opening.key, options, env);
    // Reported to the caller that awaits the signer; another failure may come first.
    signer.catch(() => undefined);
    return { signer };
  }
  throw new FairleadError('InvalidInput', 'no key or identity to sign with', {
    hint: 'Use --key FILE (fairlead keygen generates one), --key NAME://KEY or --keyless.',
  });
}

/** Begins to open the signer, as startRequiredSigner does; returns undefined for `--unsigned`. */
export async function startSigner(
  options: SignerOptions & { readonly unsigned?: boolean },
  env: NodeJS.ProcessEnv,
): Promise<OpeningSigner | undefined> {
  if (!options.unsigned) {
    if (options.key !== undefined || options.keyless) return startRequiredSigner(options, env);
    throw new FairleadError('InvalidInput', 'no key or identity to sign with', {
      hint: 'Use --key FILE (fairlead keygen generates one), --keyless or --unsigned.',
    });
  }
  if (options.key === undefined && !options.keyless) {
    refuseLonePassphrase(options);
    await openKeylessSigner(options, env); // refuses options that need it
    return undefined;
  }
  throw excluded(options.key === undefined ? '--keyless' : '--key', '--unsigned');
}

function excluded(one: string, other: string): FairleadError {
  return new FairleadError('InvalidInput', `${one} and ${other} cannot be used together`, {
    hint: `Leave out ${one} or ${other}.`,
  });
}

/** Refuses a passphrase without a key. */
function refuseLonePassphrase({ key, passphraseFile }: KeyOptions): void {
  if (key !== undefined || passphraseFile === undefined) return;
  throw new FairleadError('InvalidInput', '--passphrase-file needs --key', {
    hint: 'Add --key FILE, or leave out --passphrase-file.',
  });
}

function startKmsKey(
  reference: string,
  { passphraseFile }: KeyOptions,
  env: NodeJS.ProcessEnv,
): { readonly key: Promise<PrivateKey> } {
  if (passphraseFile !== undefined) {
    throw new FairleadError('InvalidInput', '--passphrase-file is for a key in a file', {
      hint: `Leave out --passphrase-file: the plugin program finds the credentials of ${reference} itself.`,
    });
  }
  const key = import('#lib/trust/kms/kms-key').then(({ openKmsKey }) => openKmsKey(reference, env));
  // Reported to the caller that awaits the key; another failure may come first.
  key.catch(() => undefined);
  return { key };
}

/** Some keys are encrypted with an empty passphrase; that of this key is another one. */
function emptyPassphrase(file: string, passphraseFile: string | undefined, env: NodeJS.ProcessEnv): FairleadError {
  const source = passphraseSource(passphraseFile, env);
  return new FairleadError('InvalidInput', `${file}: cannot decrypt the private key: ${source} is empty`, {
    hint:
      source === 'FAIRLEAD_PASSPHRASE' && env['COSIGN_PASSWORD'] !== undefined
        ? 'Set it to the passphrase, or unset it to use COSIGN_PASSWORD.'
        : 'Set it to the passphrase of this key.',
  });
}

async function startKey(
  file: string,
  passphraseFile: string | undefined,
  env: NodeJS.ProcessEnv,
): Promise<{ readonly key: Promise<PrivateKey> }> {
  const pem = await readText(file);
  step(() => `sign with the key ${file}`);
  const isEncrypted = pem.includes('ENCRYPTED');
  // A passphrase file is read even if the key is not encrypted, to report that it is missing.
  const passphrase =
    isEncrypted || passphraseFile !== undefined
      ? await findPassphrase(passphraseFile, env, `Passphrase of ${file}: `)
      : undefined;
  const key = loadPrivateKey(pem, passphrase).catch((thrown: unknown) => {
    const { kind, message, hint, cause } = toFairleadError(thrown);
    if (passphrase === '' && isEncrypted && /passphrase/.test(message))
      throw emptyPassphrase(file, passphraseFile, env);
    throw new FairleadError(kind, `${file}: ${message}`, {
      cause,
      ...(hint !== undefined && { hint }),
      ...(isEncrypted &&
        /passphrase/.test(message) && {
          hint:
            passphrase === undefined
              ? 'Set FAIRLEAD_PASSPHRASE or --passphrase-file.'
              : `Check the passphrase, which comes from ${passphraseSource(passphraseFile, env)}.`,
        }),
    });
  });
  // Reported to the caller that awaits the key; another failure may come first.
  key.catch(() => undefined);
  return { key };
}
