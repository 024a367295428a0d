import { rm } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { FairleadError } from '#lib/errors';
import { quote } from '#lib/text/quote';
import { generateKeyPair, loadPublicKey } from '#lib/trust/keys/key';
import { writeNewFile } from '../files/files.ts';
import { addOutputOption, examples, type OutputOptions } from '../options/options.ts';
import { exitCodes } from '../process/exit-codes.ts';
import { writeResult } from '../terminal/output.ts';
import { choosePassphrase } from '../terminal/passphrase.ts';

interface KeygenOptions extends OutputOptions {
  readonly prefix: string;
  readonly passphraseFile?: string;
  readonly kms?: string;
}

/** `fairlead keygen`. */
export function define(command: Command): void {
  addOutputOption(command)
    .description(
      'Generate an ECDSA P-256 key pair: PREFIX.key for signing and PREFIX.pub for trust policies. With a passphrase, the ' +
        'private key is encrypted in the format of cosign. Existing files are never overwritten.',
    )
    .option('--prefix <path>', 'path of the files, without the extension', 'fairlead')
    .option(
      '--passphrase-file <file>',
      'encrypt the key with this passphrase (default: FAIRLEAD_PASSPHRASE, COSIGN_PASSWORD or a prompt)',
    )
    .option(
      '--kms <key>',
      'generate the key NAME://KEY in a key service, of the kind that it prefers, by the program sigstore-kms-NAME; only PREFIX.pub is written',
    )
    .addHelpText(
      'after',
      examples([
        ['generate fairlead.key and fairlead.pub', 'fairlead keygen'],
        ['generate an encrypted key for a CI system', 'FAIRLEAD_PASSPHRASE=… fairlead keygen --prefix release'],
        ['generate a key in a key service', 'fairlead keygen --kms awskms:///alias/release --prefix release'],
        [
          'verify a signature of the key with cosign',
          'cosign verify --key release.pub --insecure-ignore-tlog REFERENCE',
        ],
      ]),
    )
    .addHelpText(
      'after',
      exitCodes('generated', { InvalidInput: 'invalid request', Conflict: 'the file exists already' }),
    )
    .action(keygen);
}

async function keygen(options: KeygenOptions): Promise<void> {
  if (basename(options.prefix) === '' || options.prefix.endsWith('/')) {
    throw new FairleadError('InvalidInput', `invalid --prefix ${quote(options.prefix)}: want the path of a file`, {
      hint: 'With --prefix keys/release, the files are keys/release.key and keys/release.pub.',
    });
  }
  if (options.kms !== undefined) return createKey(options.kms, options);
  const files = { privateKey: `${options.prefix}.key`, publicKey: `${options.prefix}.pub` };
  const question = `Passphrase for ${files.privateKey} (empty for none): `;
  const passphrase = (await choosePassphrase(options.passphraseFile, process.env, question)) || undefined;
  const pair = await generateKeyPair({ passphrase });
  await writeNewFile(files.privateKey, pair.privateKey, 0o600);
  try {
    await writeNewFile(files.publicKey, pair.publicKey, 0o644);
  } catch (error) {
    await rm(files.privateKey);
    throw error;
  }
  const result = {
    ...files,
    fingerprint: loadPublicKey(pair.publicKey).fingerprint,
    encrypted: passphrase !== undefined,
  };
  writeResult('keygen', options.output, {
    json: () => result,
    text: () =>
      [
        `private key  ${result.privateKey}${result.encrypted ? '' : '  (not encrypted; keep it secret)'}`,
        `public key   ${result.publicKey}`,
        `fingerprint  ${result.fingerprint}`,
      ].join('\n'),
  });
}

/** Generates a key in a key service, once it is sure that its public key can be written. */
async function createKey(kmsKey: string, { prefix, passphraseFile, output }: KeygenOptions): Promise<void> {
  if (passphraseFile !== undefined) {
    throw new FairleadError('InvalidInput', '--passphrase-file and --kms cannot be used together', {
      hint: 'Leave out --passphrase-file: the key service keeps the private key.',
    });
  }
  const publicKey = `${prefix}.pub`;
  // Before the key is generated, so that no unused key remains in the service.
  await writeNewFile(publicKey, '', 0o644);
  const { createKmsKey } = await import('#lib/trust/kms/kms-key');
  const pem = await createKmsKey(kmsKey, process.env).catch(async (error: unknown) => {
    await rm(publicKey);
    throw error;
  });
  await rm(publicKey);
  await writeNewFile(publicKey, pem, 0o644);
  const result = { kmsKey, publicKey, fingerprint: loadPublicKey(pem).fingerprint };
  writeResult('keygen', output, {
    json: () => result,
    text: () =>
      [`key          ${kmsKey}`, `public key   ${publicKey}`, `fingerprint  ${result.fingerprint}`].join('\n'),
  });
}
