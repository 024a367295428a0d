import { FairleadError } from '#lib/errors';
import type { Descriptor } from '#lib/registry/descriptor';
import { formatRepository, type Reference } from '#lib/registry/reference';
import { type Examined, examineSignatures } from './examine-signatures.ts';
import type { Rule } from './policy.ts';
import type { Signature, Verification } from './signature.ts';

const maxReasons = 10;

/**
 * Checks the signatures of an artifact against a rule: every requirement must be met by one of them. Needs no network, so
 * that what is cached can be checked again at any time.
 * Throws SignatureInvalid that names the requirement, and says of each signature why it does not meet it.
 */
export function verifySignatures(
  descriptor: Descriptor,
  reference: Pick<Reference, 'registry' | 'repository'>,
  signatures: readonly Signature[],
  rule: Rule,
): Verification {
  if (rule.unsigned) return { rule: rule.match, unsigned: true, signatures: [] };
  if (rule.require.length === 0) {
    throw new FairleadError('Internal', `rule ${rule.match} neither asks for a signature nor says that none is needed`);
  }
  const held = examineSignatures(descriptor, reference, signatures, rule).map((examined) => {
    if (examined.held !== undefined) return examined.held;
    throw refusal(`${formatRepository(reference)}@${descriptor.digest}`, rule, examined, signatures.length);
  });
  return { rule: rule.match, unsigned: false, signatures: held };
}

function refusal(name: string, { match }: Rule, { wanted, refused }: Examined, found: number): FairleadError {
  const requires = wanted.join(' or ');
  if (found === 0) {
    return new FairleadError('SignatureInvalid', `${name} is not signed; rule ${match} requires ${requires}`, {
      hint: `Sign it with \`fairlead push --key …\`, or with \`cosign sign --key … ${name}\`.`,
    });
  }
  const reasons = refused
    .slice(0, maxReasons)
    .map(({ manifest, format, wanted: tried, reason }) => `\n  ${manifest} (${format}, with ${tried}): ${reason}`);
  if (refused.length > maxReasons) reasons.push(`\n  and ${refused.length - maxReasons} more`);
  return new FairleadError(
    'SignatureInvalid',
    `no signature of ${name} meets rule ${match}, which requires ${requires}:${reasons.join('')}`,
    { hint: 'Ask the publisher what he signs with, and compare it with the policy.' },
  );
}
