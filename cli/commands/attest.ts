import type { Command } from 'commander';
import { FairleadError } from '#lib/errors';
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
import { writeResult } from '../terminal/output.ts';

interface AttestOptions extends OutputOptions, RegistryOptions, SignerOptions {
  readonly signatureFormat: SignatureFormat;
  readonly type: string;
  readonly predicate: string;
}

/** What readers take of one attestation, with its base64 and its signature. */
const maxPredicateBytes = 128 * 1024;

/** `fairlead attest REFERENCE`. */
export function define(command: Command): void {
  command
    .description(
      'Say something about an artifact, signed: where it was built, what was found in it. Stored beside it as ' +
        '`cosign attest` does; a trust policy may ask for it. An attestation is no signature of the artifact.',
    )
    .argument('<reference>', 'registry/repository@sha256:… or registry/repository:tag')
    .requiredOption('--type <type>', `${Object.keys(predicateTypeNames).join(', ')}, or the URI of a predicate type`)
    .requiredOption('--predicate <file>', 'what is said: JSON; - is stdin');
  addKeyOptions(command);
  addKeylessOptions(command);
  addSignatureFormatOption(command);
  addRegistryOptions(command);
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        [
          'provenance that another tool wrote',
          'fairlead attest ghcr.io/acme/profiles/nginx:1.27 --type slsaprovenance1 --predicate provenance.json --key fairlead.key',
        ],
        [
          'that somebody has reviewed it',
          'echo \'{"reviewer": "alice"}\' | fairlead attest ghcr.io/acme/profiles/nginx:1.27 \\\n' +
            '    --type https://acme.example/review/v1 --predicate - --key fairlead.key',
        ],
      ]),
    )
    .action(attest);
}

async function attest(referenceText: string, options: AttestOptions): Promise<void> {
  const predicateType = predicateTypeOf(options.type);
  if (predicateType === undefined) {
    throw new FairleadError('InvalidInput', `not a type of attestation: ${JSON.stringify(options.type)}`, {
      hint: `Write ${Object.keys(predicateTypeNames).join(', ')}, or the URI of a predicate type.`,
    });
  }
  if (options.predicate === '-') {
    const token = options.identityToken === '-' ? '--identity-token' : undefined;
    refuseSharedStdin('--predicate', token, options.passwordStdin ? '--password-stdin' : undefined);
  }
  const source = options.predicate === '-' ? 'stdin' : options.predicate;
  const predicate = parsePredicate(await readInput(options.predicate, maxPredicateBytes), source);
  if (predicateType === provenancePredicateType && provenanceProblem(predicate, {}) !== undefined) {
    throw new FairleadError('InvalidInput', `${source} is no SLSA provenance v1, so no policy would accept it`, {
      hint: 'It has buildDefinition.externalParameters and runDetails.builder.id: https://slsa.dev/spec/v1.0/provenance',
    });
  }
  const [{ target, pinned, ...artifact }, { attachAttestation }] = await Promise.all([
    openSigningTarget(referenceText, options, process.env),
    import('#lib/trust/sign/attach-signature'),
  ]);
  const attestation = { predicateType, predicate };
  const request = { ...artifact, attestation, format: options.signatureFormat, created: new Date() };
  const { digest, alreadyThere } = await attachAttestation(target, request);
  writeResult(options.output, {
    json: () => ({
      reference: pinned,
      digest: artifact.descriptor.digest,
      type: predicateType,
      attestation: digest,
      alreadyAttested: alreadyThere,
    }),
    text: () =>
      `attested     ${pinned}\ntype         ${predicateType}\n` +
      `attestation  ${digest}${alreadyThere ? ' (already attested, none was added)' : ''}`,
  });
}

const predicateHint = 'A predicate is a JSON object, without the statement around it.';

function parsePredicate(bytes: Uint8Array, name: string): object {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new FairleadError('InvalidInput', `${name} is not JSON`, { cause, hint: predicateHint });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new FairleadError('InvalidInput', `${name} holds no JSON object`, { hint: predicateHint });
}
