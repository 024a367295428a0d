import { FairleadError } from '#lib/errors';
import type { Rule } from '../policy/policy.ts';
import { namesNoRepository } from './checks/signed-repository.ts';
import { describeRequirement, type Examined } from './examined.ts';

const maxReasons = 10;

/** How the hint begins if only signatures in the legacy format would meet the rule. */
export const legacyOnly =
  'signedRepository in the rule requires signatures that name their repository, which only the legacy format does.';

/** What a decision is about. */
export interface Judged {
  /** The name of the artifact in messages. */
  readonly name: string;
  /** The number of its signatures. */
  readonly found: number;
  readonly rule: Rule;
  /** What looks like a signature but cannot be read. */
  readonly skipped: readonly FairleadError[];
}

/**
 * Returns the SignatureInvalid for a requirement that is not met: what is required, and why each
 * signature does not meet it.
 */
export function refusal(examined: Examined, judged: Judged): FairleadError {
  const { attestation, held, refused } = examined;
  if (attestation !== undefined && held.length + refused.length === 0) return noAttestation(attestation, judged);
  return judged.found === 0 ? notSigned(examined, judged) : notMet(examined, judged);
}

function noAttestation(attestation: string, { name, rule: { match }, skipped }: Judged): FairleadError {
  return new FairleadError(
    'SignatureInvalid',
    `${name} has no attestation ${attestation}; rule ${match} requires one`,
    {
      hint: `Attest it with \`fairlead attest ${name} --type … --predicate FILE --key …\`, or publish with \`provenance\`.`,
      details: skippedLines(skipped),
    },
  );
}

function notSigned(
  examined: Examined,
  { name, rule: { match, signedRepository, isImplied }, skipped }: Judged,
): FairleadError {
  // "Not signed" would make users sign what another signer has signed.
  const what = skipped.length === 0 ? 'is not signed' : 'has no signature that can be read';
  return new FairleadError(
    'SignatureInvalid',
    `${name} ${what}; ${isImplied ? 'it must be signed by' : `rule ${match} requires`} ${describeRequirement(examined)}`,
    {
      hint:
        signedRepository === undefined
          ? `Sign it with \`fairlead sign ${name} --key …\`, or with \`cosign sign --key … ${name}\`.`
          : `${legacyOnly} Sign it with \`fairlead sign ${name} --key … --signature-format legacy\`.`,
      details: skippedLines(skipped),
    },
  );
}

function notMet(examined: Examined, { name, rule: { match, isImplied }, skipped }: Judged): FairleadError {
  const { attestation, held, refused, threshold } = examined;
  const reasons = shortened(
    refused.map(({ manifest, format, wanted, reason }) => `${manifest} (${format}, with ${wanted}): ${reason}`),
  );
  const what =
    threshold > 1
      ? `${held.length} of ${threshold} signers have ${attestation === undefined ? 'signed' : 'attested'} ${name} for`
      : `no ${attestation === undefined ? 'signature' : 'attestation'} of ${name} ${isImplied ? 'is by' : 'meets'}`;
  const wanted = isImplied
    ? describeRequirement(examined)
    : `rule ${match}, which requires ${describeRequirement(examined)}`;
  return new FairleadError('SignatureInvalid', `${what} ${wanted}${reasons.length > 0 ? ':' : ''}`, {
    hint: refused.some(({ reason }) => reason === namesNoRepository)
      ? `${legacyOnly} Sign with \`format: 'legacy'\`, or remove signedRepository from the rule.`
      : `Ask the publisher which key or identity signs it${isImplied ? '.' : ', and compare that with what the rule requires.'}`,
    details: [...reasons, ...skippedLines(skipped)],
  });
}

function skippedLines(skipped: readonly FairleadError[]): readonly string[] {
  return shortened(skipped.map(({ summary }) => `skipped: ${summary}`));
}

/** The first of several lines, and the number of the others. */
function shortened(lines: readonly string[]): readonly string[] {
  const left = lines.length - maxReasons;
  return left > 0 ? [...lines.slice(0, maxReasons), `and ${left} more`] : lines;
}
