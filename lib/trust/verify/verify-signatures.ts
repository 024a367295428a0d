import { FairleadError } from '#lib/errors';
import type { Descriptor } from '#lib/registry/descriptor';
import { formatRepository, type Reference } from '#lib/registry/reference';
import type { Rule } from '../policy/policy.ts';
import type { Signature, Verification } from '../signature/signature.ts';
import { type Examined, examineSignatures, isMet, namesNoRepository } from './examine-signatures.ts';

const maxReasons = 10;

/** How the hint begins where only signatures in the older form would do. */
export const legacyOnly =
  "The rule's signedRepository asks for signatures that name their repository, as only cosign's older form does.";

/**
 * Checks the signatures and attestations of an artifact against a rule: every requirement must be
 * met. Needs no network, so that what is cached can be checked again at any time. Throws
 * SignatureInvalid that names the requirement, why each signature does not meet it, and what was
 * passed over.
 *
 * @param passedOver what looks like a signature but was not read, as fetchSignatures reports it.
 */
export function verifySignatures(
  descriptor: Descriptor,
  reference: Pick<Reference, 'registry' | 'repository'>,
  signatures: readonly Signature[],
  rule: Rule,
  passedOver: readonly FairleadError[] = [],
): Verification {
  if (rule.unsigned) return { rule: rule.match, unsigned: true, signatures: [] };
  const examined = examineSignatures(descriptor, reference, signatures, rule);
  return judge(examined, {
    name: `${formatRepository(reference)}@${descriptor.digest}`,
    found: signatures.length,
    rule,
    passedOver,
  });
}

/**
 * Where a decision is to be made: what messages call the artifact, how many signatures it has, and
 * the rule.
 */
export interface Judged {
  readonly name: string;
  readonly found: number;
  readonly rule: Rule;
  /** What looks like a signature but was not read. */
  readonly passedOver: readonly FairleadError[];
}

/**
 * Makes the decision of what examineSignatures found. Throws SignatureInvalid as verifySignatures.
 */
export function judge(examined: readonly Examined[], judged: Judged): Verification {
  const { rule } = judged;
  if (rule.require.length === 0) {
    throw new FairleadError('Internal', `rule ${rule.match} neither asks for a signature nor says that none is needed`);
  }
  const failed = examined.find((each) => !isMet(each));
  if (failed !== undefined) throw refusal(failed, judged);
  return { rule: rule.match, unsigned: false, signatures: examined.flatMap(({ held }) => held) };
}

function refusal(
  examined: Examined,
  { name, found, rule: { match, signedRepository }, passedOver }: Judged,
): FairleadError {
  const { attestation, held, refused, threshold } = examined;
  const requires = describeRequirement(examined);
  const unread = shortened(passedOver.map(({ summary }) => `passed over: ${summary}`));
  if (attestation !== undefined && held.length + refused.length === 0) {
    return new FairleadError(
      'SignatureInvalid',
      `${name} has no attestation ${attestation}; rule ${match} requires one`,
      {
        hint: `Attest it with \`fairlead attest ${name} --type … --predicate FILE --key …\`, or publish with \`provenance\`.`,
        details: unread,
      },
    );
  }
  if (found === 0) {
    // "Not signed" would make people sign what somebody else has signed.
    const what = unread.length === 0 ? 'is not signed' : 'has no signature that is read';
    return new FairleadError('SignatureInvalid', `${name} ${what}; rule ${match} requires ${requires}`, {
      hint:
        signedRepository === undefined
          ? `Sign it with \`fairlead sign ${name} --key …\`, or with \`cosign sign --key … ${name}\`.`
          : `${legacyOnly} Sign it with \`fairlead sign ${name} --key … --signature-format legacy\`.`,
      details: unread,
    });
  }
  const reasons = shortened(
    refused.map(({ manifest, format, wanted: tried, reason }) => `${manifest} (${format}, with ${tried}): ${reason}`),
  );
  const what =
    threshold > 1
      ? `${held.length} of ${threshold} signers needed have ${attestation === undefined ? 'signed' : 'attested'} ${name} for`
      : `no ${attestation === undefined ? 'signature' : 'attestation'} of ${name} meets`;
  return new FairleadError(
    'SignatureInvalid',
    `${what} rule ${match}, which requires ${requires}${reasons.length > 0 ? ':' : ''}`,
    {
      hint: refused.some(({ reason }) => reason === namesNoRepository)
        ? `${legacyOnly} Sign with \`format: 'legacy'\`, or remove signedRepository from the rule.`
        : 'Ask the publisher which key or identity signs it, and compare that with what is required here.',
      details: [...reasons, ...unread],
    },
  );
}

/** The first of several lines, and the number of the others. */
function shortened(lines: readonly string[]): readonly string[] {
  const left = lines.length - maxReasons;
  return left > 0 ? [...lines.slice(0, maxReasons), `and ${left} more`] : lines;
}

/** What a requirement asks for, in words. */
export function describeRequirement({ attestation, wanted, threshold }: Examined): string {
  const signers = wanted.join(' or ');
  const by = threshold > 1 ? `${threshold} different signers of: ${signers}` : signers;
  return attestation === undefined ? by : `an attestation ${attestation} by ${by}`;
}
