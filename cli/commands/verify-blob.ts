import { stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { FairleadError } from '#lib/errors';
import { quote } from '#lib/text/quote';
import type { Alternative } from '#lib/trust/policy/policy';
import { predicateTypeNames, predicateTypeOf, provenancePredicateType } from '#lib/trust/signature/predicate-type';
import type { VerifiedBlob } from '#lib/trust/verify/verify-blob';
import { bundleFileOf, readBundleFile, readExistingBundle } from '../files/bundle-file.ts';
import { readPieces, refuseSharedStdin, unreadable } from '../files/files.ts';
import { addOutputOption, examples, type OutputOptions } from '../options/options.ts';
import { addVerbosityOptions } from '../options/verbosity.ts';
import { addVerifierOptions, openVerifier, type VerifierOptions } from '../options/verifier.ts';
import { exitCodes } from '../process/exit-codes.ts';
import { oneLine, writeResult } from '../terminal/output.ts';

interface VerifyBlobOptions extends OutputOptions, VerifierOptions {
  readonly bundle?: string;
  readonly type?: string;
}

/** `fairlead verify-blob FILE`. */
export function define(command: Command): void {
  command
    .description(
      'Verify the signature of a file, with a key or with the identity of the signer. The bundle is as `fairlead sign-blob`, ' +
        '`cosign sign-blob --bundle` and `cosign attest-blob --bundle` write it.',
    )
    .argument('<file>', 'file to verify; - is stdin')
    .option('--bundle <file>', 'Sigstore bundle (default: FILE.sigstore.json); - is stdin')
    .option(
      '--type <type>',
      'verify an attestation about the file instead of a signature; predicate type: ' +
        `${Object.keys(predicateTypeNames).join(', ')}, or a URI`,
    );
  addVerifierOptions(command);
  addVerbosityOptions(addOutputOption(command))
    .addHelpText(
      'after',
      examples([
        ['verify with a key, and then the files of a release', releaseExample],
        [
          'verify what a workflow of GitHub Actions has signed',
          'fairlead verify-blob SHA256SUMS --certificate-oidc-issuer https://token.actions.githubusercontent.com \\\n' +
            '    --certificate-identity https://github.com/acme/tool/.github/workflows/release.yml@refs/tags/v1.0.0',
        ],
        [
          'verify where a file was built',
          'fairlead verify-blob tool.tar.gz --bundle provenance.sigstore.json --type slsaprovenance1 --key release.pub',
        ],
      ]),
    )
    .addHelpText(
      'after',
      exitCodes('verified', {
        InvalidInput: 'no such file or another invalid request',
        SignatureInvalid: 'signature missing, invalid or from another signer',
        Unavailable: 'trusted root unreachable',
        LimitExceeded: 'too large',
      }),
    )
    .action(verify);
}

const releaseExample =
  'fairlead verify-blob SHA256SUMS --key release.pub && sha256sum --check --ignore-missing SHA256SUMS';

async function verify(file: string, options: VerifyBlobOptions): Promise<void> {
  const predicateType = options.type === undefined ? undefined : predicateTypeOf(options.type);
  if (options.type !== undefined && predicateType === undefined) {
    throw new FairleadError('InvalidInput', `invalid predicate type ${quote(options.type)}`, {
      hint: `Want ${Object.keys(predicateTypeNames).join(', ')}, or a URI.`,
    });
  }
  refuseSharedStdin(file === '-' ? '<file>' : undefined, options.bundle === '-' ? '--bundle' : undefined);
  const bundleFile = options.bundle ?? bundleFileOf(file);
  const [by, bundle, { verifyBlob }, { builtFrom }] = await Promise.all([
    openVerifier(options, process.env),
    options.bundle === undefined ? findBundle(file) : readBundleFile(options.bundle),
    import('#lib/trust/verify/verify-blob'),
    import('#lib/trust/policy/provenance'),
  ]);
  const verified = await verifyBlob(readPieces(file), { name: file, bundle, by, predicateType });
  const { predicate, ...signature } = verified;
  const built = predicateType === provenancePredicateType ? builtFrom(predicate) : undefined;
  writeResult('verify-blob', options.output, {
    json: () => ({
      file,
      bundle: bundleFile,
      ...signature,
      ...(predicateType === undefined ? {} : { predicateType, predicate }),
    }),
    text: () =>
      lines([
        ['verified', file],
        ['digest', verified.digest],
        ['signed by', describeSigner(by, verified)],
        ['type', predicateType],
        ['builder', built?.builder],
        ['source', built?.source],
        ['commit', built?.commit],
      ]),
    quiet: () => verified.digest,
  });
}

/**
 * Reads the bundle beside a file. Throws SignatureInvalid if the file exists, and the bundle does
 * not.
 */
async function findBundle(file: string): Promise<Uint8Array> {
  if (file === '-') {
    throw new FairleadError('InvalidInput', 'the bundle of a file from stdin has no default', {
      hint: 'Add --bundle FILE.',
    });
  }
  const bundle = await readExistingBundle(bundleFileOf(file));
  if (bundle !== undefined) return bundle;
  await stat(file).catch((cause: unknown) => {
    throw unreadable(file, cause);
  });
  throw new FairleadError('SignatureInvalid', `no signature of ${file}: there is no file ${bundleFileOf(file)}`, {
    hint: 'Name its bundle with --bundle FILE.',
  });
}

function describeSigner(by: Alternative, { signedBy: { certificate, logIndexes = [] } }: VerifiedBlob): string {
  const signer =
    certificate === undefined
      ? `key ${by.key} (SHA-256 ${by.publicKey?.fingerprint})`
      : `${certificate.identity}, issuer ${certificate.issuer}`;
  return logIndexes.length === 0 ? signer : `${signer}, log index ${logIndexes.join(', ')}`;
}

/** Returns one line for each value, whatever is in it: the predicate is a text of others. */
function lines(rows: readonly (readonly [name: string, value: string | undefined])[]): string {
  return rows.flatMap(([name, value]) => (value === undefined ? [] : `${name.padEnd(11)}${oneLine(value)}`)).join('\n');
}
