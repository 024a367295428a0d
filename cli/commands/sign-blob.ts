import { stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { FairleadError, toFairleadError } from '#lib/errors';
import type { Signer } from '#lib/trust/sign/signer';
import { bundleFileOf, readExistingBundle } from '../files/bundle-file.ts';
import { readPieces, refuseStdout, replaceFile, unreadable } from '../files/files.ts';
import { addKeylessOptions } from '../options/keyless.ts';
import { addKeyOptions, addOutputOption, examples, type OutputOptions } from '../options/options.ts';
import { type SignerOptions, startRequiredSigner } from '../options/signer.ts';
import { addVerbosityOptions } from '../options/verbosity.ts';
import { exitCodes } from '../process/exit-codes.ts';
import { writeResult } from '../terminal/output.ts';

interface SignBlobOptions extends OutputOptions, SignerOptions {
  readonly bundle?: string;
}

/** A file that was signed, or was signed already. */
interface SignedFile {
  readonly file: string;
  readonly bundle: string;
  readonly alreadySigned: boolean;
}

/** `fairlead sign-blob FILE…`. */
export function define(command: Command): void {
  command
    .description(
      'Sign files. The signature of FILE is written to FILE.sigstore.json, a Sigstore bundle as `cosign sign-blob` writes ' +
        'it. A bundle of other bytes, such as those of an older version of the file, is replaced; a signature of ' +
        'the file by another signer is not.',
    )
    .argument('<file...>', 'files to sign')
    .option('--bundle <file>', 'write the bundle to this file; for one file only');
  addKeyOptions(command);
  addKeylessOptions(command);
  addVerbosityOptions(addOutputOption(command))
    .addHelpText(
      'after',
      examples([
        ['sign with a key', 'fairlead sign-blob SHA256SUMS --key fairlead.key'],
        ['sign with the identity of the CI job', 'fairlead sign-blob dist/*.tar.gz --keyless'],
        [
          'verify the signature with cosign',
          'cosign verify-blob --key fairlead.pub --bundle SHA256SUMS.sigstore.json --insecure-ignore-tlog SHA256SUMS',
        ],
      ]),
    )
    .addHelpText(
      'after',
      exitCodes('signed', {
        InvalidInput: 'no such file or another invalid request',
        Unauthenticated: 'credentials missing or refused',
        Unavailable: 'signing service unreachable',
      }),
    )
    .action(signBlob);
}

async function signBlob(files: readonly string[], options: SignBlobOptions): Promise<void> {
  if (options.bundle !== undefined && files.length > 1) {
    throw new FairleadError('InvalidInput', `--bundle names one file, and there are ${files.length} files to sign`, {
      hint: 'Leave out --bundle, or sign one file at a time.',
    });
  }
  if (options.bundle !== undefined)
    await refuseStdout(options.bundle, 'Use --bundle FILE, or leave it out for FILE.sigstore.json.');
  // Before anything is signed: a name with a typing error leaves no other file signed.
  for (const file of files) await assertSignable(file);
  const signer = await (await startRequiredSigner(options, process.env)).signer;
  const signed: SignedFile[] = [];
  for (const file of files) signed.push(await signFile(file, options.bundle ?? bundleFileOf(file), signer));
  writeResult('sign-blob', options.output, {
    json: () => ({ signed }),
    text: () =>
      signed
        .map(
          ({ file, bundle, alreadySigned }) =>
            `signed  ${file}\nbundle  ${bundle}${alreadySigned ? ' (already signed, not changed)' : ''}`,
        )
        .join('\n'),
    quiet: () => signed.map(({ bundle }) => bundle).join('\n'),
  });
}

async function assertSignable(file: string): Promise<void> {
  const status = await stat(file).catch((cause: unknown) => {
    throw unreadable(file, cause);
  });
  if (!status.isFile()) throw new FairleadError('InvalidInput', `cannot sign ${file}: it is not a regular file`);
  if (status.size > 0) return;
  throw new FairleadError('InvalidInput', `cannot sign ${file}: it is empty`, {
    hint: 'Check that the program that writes it has finished.',
  });
}

async function signFile(file: string, bundle: string, signer: Signer): Promise<SignedFile> {
  const existing = await readExistingBundle(bundle);
  if (existing !== undefined && (await isSigned(file, bundle, existing, signer))) {
    return { file, bundle, alreadySigned: true };
  }
  const signed = await signer.signMessage(readPieces(file)).catch((thrown: unknown) => {
    const { kind, message, hint, cause } = toFairleadError(thrown);
    throw new FairleadError(kind, `cannot sign ${file}: ${message}`, { cause, ...(hint !== undefined && { hint }) });
  });
  await replaceFile(bundle, signed);
  return { file, bundle, alreadySigned: false };
}

/**
 * Reports whether the bundle is a signature of the file by this signer. Throws Conflict for a file
 * that is not to be lost: something else, or the signature of another signer.
 */
async function isSigned(file: string, bundle: string, existing: Uint8Array, signer: Signer): Promise<boolean> {
  const { compareBundle } = await import('#lib/trust/sign/existing-bundle');
  const found = await compareBundle(() => readPieces(file), existing, signer);
  if (found === 'same signer' || found === 'outdated') return found === 'same signer';
  const what = {
    unreadable: 'is not a Sigstore bundle',
    attestation: 'is an attestation',
    'another signer': `is a signature of ${file} by another signer`,
  }[found];
  throw new FairleadError('Conflict', `${bundle} ${what}, and is not overwritten`, {
    hint: 'Write the signature to another file with --bundle FILE, or move this file away.',
  });
}
