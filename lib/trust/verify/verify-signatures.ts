import { FairleadError } from '#lib/errors';
import type { Descriptor } from '#lib/registry/descriptor';
import { formatRepository, type Reference } from '#lib/registry/reference';
import { step } from '#lib/steps';
import type { Rule } from '../policy/policy.ts';
import type { Signature, Verification } from '../signature/signature.ts';
import { examineSignatures } from './examine-signatures.ts';
import { describeRequirement, type Examined, isMet } from './examined.ts';
import { type Judged, refusal } from './refusal.ts';

/**
 * Verifies the signatures and attestations of an artifact against a rule: every requirement must be
 * met. Needs no network, so that what is cached can be verified again at any time. Throws
 * SignatureInvalid that names the requirement, why each signature does not meet it, and what was
 * skipped.
 *
 * @param skipped what looks like a signature but cannot be read, as fetchSignatures reports it.
 */
export function verifySignatures(
  descriptor: Descriptor,
  reference: Pick<Reference, 'registry' | 'repository'>,
  signatures: readonly Signature[],
  rule: Rule,
  skipped: readonly FairleadError[] = [],
): Verification {
  if (rule.unsigned) return { rule: rule.match, unsigned: true, signatures: [] };
  const examined = examineSignatures(descriptor, reference, signatures, rule);
  const name = `${formatRepository(reference)}@${descriptor.digest}`;
  return judge(examined, { name, found: signatures.length, rule, skipped });
}

/**
 * Decides by what examineSignatures returned. Throws SignatureInvalid as verifySignatures does.
 */
export function judge(examined: readonly Examined[], judged: Judged): Verification {
  const { rule } = judged;
  if (rule.require.length === 0) {
    throw new FairleadError('Internal', `rule ${rule.match} neither requires a signature nor is unsigned`);
  }
  for (const each of examined) {
    step(() => `rule ${rule.match} requires ${describeRequirement(each)}: ${isMet(each) ? 'met' : 'not met'}`);
  }
  const failed = examined.find((each) => !isMet(each));
  if (failed !== undefined) throw refusal(failed, judged);
  return { rule: rule.match, unsigned: false, signatures: examined.flatMap(({ held }) => held) };
}
