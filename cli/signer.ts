import { FairleadError, toFairleadError } from '#lib/errors';
import { loadPrivateKey, type Signer } from '#lib/trust/key';
import { readText } from './files.ts';
import { findPassphrase } from './passphrase.ts';

/** Values of the options that addSignerOptions adds. */
export interface SignerOptions {
  readonly key?: string;
  readonly passphraseFile?: string;
  readonly unsigned?: boolean;
}

/**
 * Opens the key to sign with; undefined where `--unsigned` was spelled out.
 * Throws InvalidInput for both, for neither, and for a key that does not open, naming its file.
 */
export async function openSigner(options: SignerOptions, env: NodeJS.ProcessEnv): Promise<Signer | undefined> {
  const { key: file, unsigned = false } = options;
  if (file === undefined) {
    if (unsigned) return undefined;
    throw new FairleadError('InvalidInput', 'nothing to sign with', {
      hint: 'Give --key FILE (make one with fairlead keygen), or spell out --unsigned.',
    });
  }
  if (unsigned) throw new FairleadError('InvalidInput', '--key and --unsigned exclude each other');
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
