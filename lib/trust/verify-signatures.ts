import { FairleadError } from '#lib/errors';
import type { Descriptor } from '#lib/registry/descriptor';
import { formatRepository, type Reference } from '#lib/registry/reference';
import type { KeyRequirement, Requirement, Rule } from './policy.ts';
import type { Signature, Verification } from './signature.ts';
import { verifyWithKey } from './verify-key.ts';

type Held = Verification['signatures'][number];

const maxReasons = 10;

/**
 * Checks the signatures of an artifact against a rule: every requirement must be met by one of them. Needs no network, so
 * that what is cached can be checked again at any time.
 * Throws SignatureInvalid that names the requirement, and says of each signature why it does not meet it.
 */
export function verifySignatures(
  descriptor: Descriptor,
  reference: Reference,
  signatures: readonly Signature[],
  rule: Rule,
): Verification {
  if (rule.unsigned) return { rule: rule.match, unsigned: true, signatures: [] };
  const name = `${formatRepository(reference)}@${descriptor.digest}`;
  if (rule.require.length === 0) {
    throw new FairleadError('Internal', `rule ${rule.match} neither asks for a signature nor says that none is needed`);
  }
  return {
    rule: rule.match,
    unsigned: false,
    signatures: rule.require.map((requirement) => {
      const reasons: string[] = [];
      const held = meet(requirement, signatures, descriptor, reasons);
      if (held !== undefined) return held;
      throw refusal(name, rule, requirement, signatures, reasons);
    }),
  };
}

/** The first signature that one of the requirement's alternatives accepts; reasons why not are added to `reasons`. */
function meet(
  requirement: Requirement,
  signatures: readonly Signature[],
  descriptor: Descriptor,
  reasons: string[],
): Held | undefined {
  for (const alternative of requirement.anyOf) {
    for (const signature of signatures) {
      const reason = reasonAgainst(signature, descriptor, alternative);
      if (reason === undefined) {
        return {
          format: signature.format,
          manifest: signature.manifest,
          key: alternative.key,
          keyFingerprint: alternative.publicKey.fingerprint,
        };
      }
      reasons.push(`${signature.manifest} (${signature.format}, with key ${alternative.key}): ${reason}`);
    }
  }
  return undefined;
}

function reasonAgainst(
  signature: Signature,
  descriptor: Descriptor,
  { publicKey }: KeyRequirement,
): string | undefined {
  try {
    verifyWithKey(signature, descriptor, publicKey);
    return undefined;
  } catch (error) {
    if (error instanceof FairleadError && error.kind === 'SignatureInvalid') return error.message;
    throw error;
  }
}

function refusal(
  name: string,
  rule: Rule,
  requirement: Requirement,
  signatures: readonly Signature[],
  reasons: readonly string[],
): FairleadError {
  const wanted = requirement.anyOf.map(({ key }) => `key ${key}`).join(' or ');
  if (signatures.length === 0) {
    return new FairleadError('SignatureInvalid', `${name} is not signed; rule ${rule.match} requires ${wanted}`, {
      hint: `Sign it with \`fairlead push --key …\`, or with \`cosign sign --key … ${name}\`.`,
    });
  }
  const listed = reasons.slice(0, maxReasons).map((reason) => `\n  ${reason}`);
  if (reasons.length > maxReasons) listed.push(`\n  and ${reasons.length - maxReasons} more`);
  return new FairleadError(
    'SignatureInvalid',
    `no signature of ${name} meets rule ${rule.match}, which requires ${wanted}:${listed.join('')}`,
    { hint: 'Ask the publisher which key he signs with, and compare it with the policy.' },
  );
}
