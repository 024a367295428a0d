import { FairleadError, toFairleadError } from '#lib/errors';
import { loadPrivateKey, type PrivateKey } from '#lib/trust/keys/key';
import type { Signer } from '#lib/trust/sign/signer';
import { readText } from '../files/files.ts';
import { findPassphrase } from '../terminal/passphrase.ts';
import { type KeylessOptions, openKeylessSigner, openKeySigner } from './keyless.ts';

/** Values of the options that addKeyOptions adds. */
export interface KeyOptions {
  readonly key?: string;
  readonly passphraseFile?: string;
}

/** Values of the options of what signs in one way or another. */
export interface SignerOptions extends KeyOptions, KeylessOptions {}

/**
 * What to sign with, which may still be opening: a key with a passphrase keeps another thread busy
 * for a tenth of a second.
 */
export interface OpeningSigner {
  /** Rejects with InvalidInput for a key that does not open, naming its file. */
  readonly signer: Promise<Signer>;
}

/**
 * Begins to open what to sign with: a key, or an identity. Throws InvalidInput for both, for
 * neither, and for a key file that cannot be read.
 */
export async function startRequiredSigner(options: SignerOptions, env: NodeJS.ProcessEnv): Promise<OpeningSigner> {
  if (options.key !== undefined && options.keyless) {
    throw excluded('--key', '--keyless');
  }
  refuseLonePassphrase(options);
  const keyless = await openKeylessSigner(options, env, { besideKey: options.key !== undefined });
  if (keyless !== undefined) return { signer: Promise.resolve(keyless) };
  if (options.key !== undefined) {
    const opening = await startKey(options.key, options.passphraseFile, env);
    const signer = openKeySigner(opening.key, options, env);
    // Whoever waits for it hears of a failure; something else may fail before anybody does.
    signer.catch(() => undefined);
    return { signer };
  }
  throw new FairleadError('InvalidInput', 'nothing to sign with', {
    hint: 'Give --key FILE (make one with fairlead keygen), or --keyless.',
  });
}

/** The same for what may be published unsigned: undefined where `--unsigned` was spelled out. */
export async function startSigner(
  options: SignerOptions & { readonly unsigned?: boolean },
  env: NodeJS.ProcessEnv,
): Promise<OpeningSigner | undefined> {
  if (!options.unsigned) {
    if (options.key !== undefined || options.keyless) return startRequiredSigner(options, env);
    throw new FairleadError('InvalidInput', 'nothing to sign with', {
      hint: 'Give --key FILE (make one with fairlead keygen), or spell out --unsigned.',
    });
  }
  if (options.key === undefined && !options.keyless) {
    refuseLonePassphrase(options);
    await openKeylessSigner(options, env); // refuses options that only make sense with it
    return undefined;
  }
  throw excluded(options.key === undefined ? '--keyless' : '--key', '--unsigned');
}

function excluded(one: string, other: string): FairleadError {
  return new FairleadError('InvalidInput', `${one} and ${other} cannot be used together`, {
    hint: `Leave out ${one} or ${other}, whichever is not meant.`,
  });
}

/** Who names a passphrase means to sign with a key. */
function refuseLonePassphrase({ key, passphraseFile }: KeyOptions): void {
  if (key !== undefined || passphraseFile === undefined) return;
  throw new FairleadError('InvalidInput', '--passphrase-file is for --key, which is not there', {
    hint: 'Give --key FILE, or leave out --passphrase-file.',
  });
}

async function startKey(
  file: string,
  passphraseFile: string | undefined,
  env: NodeJS.ProcessEnv,
): Promise<{ readonly key: Promise<PrivateKey> }> {
  const pem = await readText(file);
  const isEncrypted = pem.includes('ENCRYPTED');
  // A file that was named is read where the key needs none, too: that it is not there shows what
  // else may be wrong.
  const passphrase =
    isEncrypted || passphraseFile !== undefined
      ? await findPassphrase(passphraseFile, env, `Passphrase of ${file}: `)
      : undefined;
  const key = loadPrivateKey(pem, passphrase).catch((thrown: unknown) => {
    const { kind, message, hint, cause } = toFairleadError(thrown);
    throw new FairleadError(kind, `${file}: ${message}`, {
      cause,
      ...(hint !== undefined && { hint }),
      ...(passphrase === undefined &&
        isEncrypted && { hint: 'Give it in FAIRLEAD_PASSPHRASE or by --passphrase-file.' }),
    });
  });
  // Whoever waits for it hears of a failure; something else may fail before anybody does.
  key.catch(() => undefined);
  return { key };
}
