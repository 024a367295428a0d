import type { Command } from 'commander';
import { FairleadError } from '#lib/errors';
import { quote } from '#lib/text/quote';
import { provenanceProblem } from '#lib/trust/policy/provenance';
import { predicateTypeNames, predicateTypeOf, provenancePredicateType } from '#lib/trust/signature/predicate-type';
import type { SignatureFormat } from '#lib/trust/signature/signature';
import { readInput, refuseSharedStdin } from '../files/files.ts';
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

interface AttestOptions extends OutputOptions, RegistryOptions, SignerOptions {
  readonly signatureFormat: SignatureFormat;
  readonly type: string;
  readonly predicate: string;
}

/** What readers accept of one attestation, with its base64 encoding and its signature. */
const maxPredicateBytes = 128 * 1024;

/** `fairlead attest REFERENCE`. */
export function define(command: Command): void {
  command
    .description(
      'Attach a signed statement about an artifact, such as where it was built or what a scanner found. It is stored as ' +
        '`cosign attest` stores it, and a trust policy can require it. An attestation does not replace a signature.',
    )
    .argument('<reference>', 'registry/repository:tag or registry/repository@sha256:…')
    .requiredOption('--type <type>', `predicate type: ${Object.keys(predicateTypeNames).join(', ')}, or a URI`)
    .requiredOption('--predicate <file>', 'JSON file with the predicate; - is stdin');
  addKeyOptions(command);
  addKeylessOptions(command);
  addSignatureFormatOption(command);
  addRegistryOptions(command);
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        [
          'attach the provenance that another tool wrote',
          'fairlead attest ghcr.io/acme/profiles/nginx:1.27 --type slsaprovenance1 --predicate provenance.json --key fairlead.key',
        ],
        [
          'attest a review',
          'echo \'{"reviewer": "alice"}\' | fairlead attest ghcr.io/acme/profiles/nginx:1.27 \\\n' +
            '    --type https://acme.example/review/v1 --predicate - --key fairlead.key',
        ],
      ]),
    )
    .addHelpText(
      'after',
      exitCodes('attested', {
        ...registryErrors,
        InvalidInput: 'no such file or another invalid request',
        Unavailable: 'registry or signing service unreachable',
      }),
    )
    .action(attest);
}

async function attest(referenceText: string, options: AttestOptions): Promise<void> {
  const predicateType = predicateTypeOf(options.type);
  if (predicateType === undefined) {
    throw new FairleadError('InvalidInput', `invalid predicate type ${quote(options.type)}`, {
      hint: `Want ${Object.keys(predicateTypeNames).join(', ')}, or a URI.`,
    });
  }
  if (options.predicate === '-') {
    const token = options.identityToken === '-' ? '--identity-token' : undefined;
    refuseSharedStdin('--predicate', token, options.passwordStdin ? '--password-stdin' : undefined);
  }
  const source = options.predicate === '-' ? 'stdin' : options.predicate;
  const predicate = parsePredicate(await readInput(options.predicate, maxPredicateBytes), source);
  if (predicateType === provenancePredicateType && provenanceProblem(predicate, {}) !== undefined) {
    throw new FairleadError('InvalidInput', `${source} is not SLSA provenance v1, so no policy would accept it`, {
      hint: 'It needs buildDefinition.externalParameters and runDetails.builder.id: https://slsa.dev/spec/v1.0/provenance',
    });
  }
  const [{ target, pinned, ...artifact }, { attachAttestation }] = await Promise.all([
    openSigningTarget(referenceText, options, process.env),
    import('#lib/trust/sign/attach-signature'),
  ]);
  const attestation = { predicateType, predicate };
  const request = { ...artifact, attestation, format: options.signatureFormat, created: new Date() };
  const { digest, alreadyThere } = await attachAttestation(target, request);
  writeResult('attest', options.output, {
    json: () => ({
      reference: pinned,
      digest: artifact.descriptor.digest,
      type: predicateType,
      attestation: digest,
      alreadyAttested: alreadyThere,
    }),
    text: () =>
      `attested     ${pinned}\ntype         ${predicateType}\n` +
      `attestation  ${digest}${alreadyThere ? ' (already attested, none added)' : ''}`,
    quiet: () => pinned,
  });
}

const predicateHint = 'The predicate is a JSON object, without the in-toto statement around it.';

function parsePredicate(bytes: Uint8Array, name: string): object {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new FairleadError('InvalidInput', `${name} is not JSON`, { cause, hint: predicateHint });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new FairleadError('InvalidInput', `${name} is not a JSON object`, { hint: predicateHint });
}
