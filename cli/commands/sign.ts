import type { Command } from 'commander';
import type { SignatureFormat } from '#lib/trust/signature/signature';
import { addKeylessOptions } from '../options/keyless.ts';
import {
  addKeyOptions,
  addOutputOption,
  addRegistryOptions,
  addSignatureFormatOption,
  examples,
  type OutputOptions,
  type RegistryOptions,
} from '../options/options.ts';
import type { SignerOptions } from '../options/signer.ts';
import { openSigningTarget } from '../options/signing-target.ts';
import { exitCodes, registryErrors } from '../process/exit-codes.ts';
import { writeResult } from '../terminal/output.ts';

interface SignOptions extends OutputOptions, RegistryOptions, SignerOptions {
  readonly signatureFormat: SignatureFormat;
}

/** `fairlead sign REFERENCE`. */
export function define(command: Command): void {
  command
    .description(
      'Sign an artifact that is in a registry. A signature is for a digest: a tag is resolved once, and its digest is signed. ' +
        'Other signatures stay. If the same signer has signed the artifact already, no signature is added.',
    )
    .argument('<reference>', 'registry/repository:tag or registry/repository@sha256:…');
  addKeyOptions(command);
  addKeylessOptions(command);
  addSignatureFormatOption(command);
  addRegistryOptions(command);
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        ['sign with a key', 'fairlead sign ghcr.io/acme/profiles/nginx:1.27 --key fairlead.key'],
        ['sign with the identity of the CI job', 'fairlead sign ghcr.io/acme/profiles/nginx@sha256:… --keyless'],
        [
          'sign with a private Sigstore instance',
          'fairlead sign registry.example.com/nginx:1.27 --keyless --identity-token token \\\n' +
            '    --signing-config signing.json --trusted-root trusted_root.json',
        ],
      ]),
    )
    .addHelpText(
      'after',
      exitCodes('signed', {
        ...registryErrors,
        InvalidInput: 'no such file or another invalid request',
        Unavailable: 'registry or signing service unreachable',
      }),
    )
    .action(sign);
}

async function sign(referenceText: string, options: SignOptions): Promise<void> {
  const [{ target, pinned, ...artifact }, { attachSignature }] = await Promise.all([
    openSigningTarget(referenceText, options, process.env),
    import('#lib/trust/sign/attach-signature'),
  ]);
  const request = { ...artifact, format: options.signatureFormat, created: new Date() };
  const { digest, alreadyThere } = await attachSignature(target, request);
  writeResult('sign', options.output, {
    json: () => ({
      reference: pinned,
      digest: artifact.descriptor.digest,
      signature: digest,
      alreadySigned: alreadyThere,
    }),
    text: () => `signed     ${pinned}\nsignature  ${digest}${alreadyThere ? ' (already signed, none added)' : ''}`,
    quiet: () => pinned,
  });
}
