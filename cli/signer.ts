import { FairleadError, toFairleadError } from '#lib/errors';
import { loadPrivateKey, type Signer } from '#lib/trust/key';
import type { KeylessSigner } from '#lib/trust/keyless-signer';
import { readText } from './files.ts';
import { type KeylessOptions, openKeylessSigner } from './keyless.ts';
import { findPassphrase } from './passphrase.ts';

/** Values of the options that addKeyOptions adds. */
export interface KeyOptions {
  readonly key?: string;
  readonly passphraseFile?: string;
}

/** Values of the options of what signs in one way or another. */
export interface SignerOptions extends KeyOptions, KeylessOptions {}

/**
 * Opens what to sign with: a key, or an identity. Throws InvalidInput for both, for neither, and for a key that does not open,
 * naming its file.
 */
export async function openRequiredSigner(
  options: SignerOptions,
  env: NodeJS.ProcessEnv,
): Promise<Signer | KeylessSigner> {
  if (options.key !== undefined && options.keyless) {
    throw new FairleadError('InvalidInput', '--key and --keyless exclude each other');
  }
  const signer = (await openKeylessSigner(options, env)) ?? (await openKey(options, env));
  if (signer !== undefined) return signer;
  throw new FairleadError('InvalidInput', 'nothing to sign with', {
    hint: 'Give --key FILE (make one with fairlead keygen), or --keyless.',
  });
}

/** The same for what may be published unsigned: undefined where `--unsigned` was spelled out. */
export async function openSigner(
  options: SignerOptions & { readonly unsigned?: boolean },
  env: NodeJS.ProcessEnv,
): Promise<Signer | KeylessSigner | undefined> {
  if (!options.unsigned) {
    if (options.key !== undefined || options.keyless) return openRequiredSigner(options, env);
    throw new FairleadError('InvalidInput', 'nothing to sign with', {
      hint: 'Give --key FILE (make one with fairlead keygen), or spell out --unsigned.',
    });
  }
  if (options.key === undefined && !options.keyless) return openKeylessSigner(options, env);
  throw new FairleadError(
    'InvalidInput',
    `--${options.key === undefined ? 'keyless' : 'key'} and --unsigned exclude each other`,
  );
}

/** Opens a key; undefined where none is named. */
export async function openKey(options: KeyOptions, env: NodeJS.ProcessEnv): Promise<Signer | undefined> {
  const { key: file } = options;
  if (file === undefined) return undefined;
  const pem = await readText(file);
  const passphrase = pem.includes('ENCRYPTED')
    ? await findPassphrase(options.passphraseFile, env, `Passphrase of ${file}: `)
    : undefined;
  try {
    return await loadPrivateKey(pem, passphrase);
  } catch (thrown) {
    const { kind, message, hint, cause } = toFairleadError(thrown);
    throw new FairleadError(kind, `${file}: ${message}`, {
      cause,
      ...(hint !== undefined && { hint }),
      ...(passphrase === undefined &&
        pem.includes('ENCRYPTED') && { hint: 'Give it in FAIRLEAD_PASSPHRASE or by --passphrase-file.' }),
    });
  }
}
