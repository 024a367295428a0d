import type { TrustPolicy } from '#lib/trust/policy/policy';
import { describeRequirement, type Examined, isMet } from '#lib/trust/verify/examined';
import type { DecisionExplanation } from '#lib/trust/verify/explain-decision';
import type { Document } from '../documents/documents.ts';
import { oneLine } from '../terminal/output.ts';
import { signerText } from './signer-text.ts';

interface Named {
  readonly policy: TrustPolicy;
  readonly reference: string;
  readonly explanation: DecisionExplanation;
}

/** Returns an explained decision as a JSON document. */
export function explanationDocument({ policy, reference, explanation }: Named): Document<'policy test'> {
  const { decision, found, refusal } = explanation;
  return {
    allowed: isAllowed(explanation),
    policy: policy.source,
    revision: policy.revision,
    reference,
    kind: decision.kind,
    rule: decision.rule?.match ?? null,
    log: decision.rule?.log === true,
    steps: decision.steps,
    digest: found?.descriptor.digest ?? null,
    signatures: found?.signatures ?? null,
    requirements: found?.examined.map((examined) => ({ met: isMet(examined), ...examined })) ?? null,
    refusal: refusal === undefined ? null : { kind: refusal.kind, message: refusal.message },
  };
}

/** Returns an explained decision in lines. */
export function explanationText({ policy, reference, explanation }: Named): string {
  const { decision, found, refusal } = explanation;
  const { rule } = decision;
  const lines = [`policy     ${policy.source}`, `asked      ${decision.kind} from ${reference}`];
  if (decision.steps.length === 0) lines.push('rule       none: the policy has no rules');
  for (const { rule: match, position, outcome } of decision.steps) {
    lines.push(
      `rule       ${match}${position === undefined ? '' : ` (line ${position.replace(/:.*/, '')})`}: ${outcome}`,
    );
  }
  if (rule !== undefined) lines.push(`mode=log   ${rule.log ? 'allowed' : 'not allowed: the rule has no "log: true"'}`);
  if (rule?.unsigned) lines.push('requires   nothing: the rule has "unsigned: true"');
  if (found !== undefined) {
    lines.push(`digest     ${found.descriptor.digest}`, `found      ${countSigned(found.signatures)}`);
    for (const examined of found.examined) lines.push(...requirementLines(examined));
  } else if (rule !== undefined && !rule.unsigned && refusal === undefined) {
    lines.push('requires   signatures, which were not checked: the reference has no tag and no digest');
  }
  const outcomes = { true: 'allowed', false: 'refused', null: 'allowed, if its signatures meet the rule' };
  return [...lines, outcomes[`${isAllowed(explanation)}`]].join('\n');
}

function countSigned(count: number): string {
  return count === 1 ? '1 signature or attestation' : `${count} signatures and attestations`;
}

/** Returns null if the rules allow it and its signatures were not checked. */
function isAllowed({ decision, found, refusal }: DecisionExplanation): boolean | null {
  if (refusal !== undefined) return false;
  return found === undefined && decision.rule?.unsigned !== true ? null : true;
}

function requirementLines(examined: Examined): string[] {
  return [
    `requires   ${describeRequirement(examined)}: ${isMet(examined) ? 'met' : 'not met'}`,
    ...examined.held.map((held) => `  by       ${held.manifest} (${held.format}): ${signerText(held)}`),
    ...examined.refused.map(
      ({ manifest, format, wanted, reason }) =>
        `  not by   ${manifest} (${format}, with ${wanted}): ${oneLine(reason)}`,
    ),
  ];
}
