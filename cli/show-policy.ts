import { repositoryName } from '#lib/registry/registry-name';
import { describeAlternative } from '#lib/trust/examine-signatures';
import type { AttestationRequirement, Requirement, Rule, TrustPolicy } from '#lib/trust/policy';

/** What a policy asks for, rule by rule, as a JSON document. */
export function policyDocument({ source, revision, rules }: TrustPolicy): object {
  return {
    policy: source,
    revision,
    rules: rules.map((rule) => ({
      match: rule.match,
      position: rule.position,
      kinds: rule.kinds,
      unsigned: rule.unsigned,
      require: asked(rule),
      neverAsked: shadow(rule, rules)?.position,
    })),
  };
}

/** The same in lines. */
export function policyText({ source, revision, rules }: TrustPolicy): string {
  const lines = [`policy     ${source}`, `revision   ${revision}`];
  if (rules.length === 0) lines.push('rules      none: everything is denied');
  for (const rule of rules) {
    lines.push(`rule       ${rule.match}${rule.kinds === undefined ? '' : ` (${rule.kinds.join(', ')})`}`);
    if (rule.unsigned) lines.push('  allows   anything, unsigned');
    for (const each of asked(rule)) lines.push(`  requires ${each}`);
    const before = shadow(rule, rules);
    if (before !== undefined) {
      lines.push(
        `  warning  never asked: the rule at ${before.position}, ${before.match}, comes first and covers all of it`,
      );
    }
  }
  return lines.join('\n');
}

function asked({ require, attestations = [] }: Rule): string[] {
  return [...require.map(requirementText), ...attestations.map(attestationText)];
}

function requirementText({ anyOf, threshold = 1 }: Requirement): string {
  const signers = anyOf.map(describeAlternative).join(' or ');
  return threshold === 1 ? signers : `${threshold} different signers of: ${signers}`;
}

function attestationText({ type, by, provenance }: AttestationRequirement): string {
  const facts = Object.entries(provenance).map(
    ([fact, expected]) => `, ${fact} ${'exact' in expected ? expected.exact : `${expected.pattern} (pattern)`}`,
  );
  return `attestation ${type}${facts.join('')}, by ${by === undefined ? 'who signs' : requirementText(by)}`;
}

/** An earlier rule that surely covers all that this one does: only the plain cases are seen. */
function shadow(rule: Rule, rules: readonly Rule[]): Rule | undefined {
  return rules
    .slice(0, rules.indexOf(rule))
    .find(
      ({ match, kinds }) =>
        (match === '**' || repositoryName(match) === repositoryName(rule.match)) &&
        (kinds === undefined || rule.kinds?.every((kind) => kinds.includes(kind)) === true),
    );
}
