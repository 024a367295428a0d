import { type Shadow, shadowsOf } from '#lib/trust/policy/never-asked';
import type { IgnoredAnnotations, Policy, VerifyCredentials } from '#lib/trust/policy/node-policy';
import {
  type AttestationRequirement,
  describeAlternative,
  type Requirement,
  type Rule,
} from '#lib/trust/policy/policy';
import type { Document } from '../documents/documents.ts';

/** Returns what a policy requires, rule by rule, as a JSON document. */
export function policyDocument(policy: Policy): Document<'policy check'> {
  const { source, revision, rules, limits } = policy;
  const shadows = shadowsOf(rules);
  return {
    policy: source,
    revision,
    baseline: baselineOf(policy),
    limits,
    verifyCredentials: verifyCredentialsOf(policy),
    ignoredAnnotations: ignoredAnnotationsOf(policy),
    rules: rules.map((rule, index) => ({
      match: rule.match,
      position: rule.position,
      kinds: rule.kinds,
      unsigned: rule.unsigned,
      require: asked(rule),
      signedRepository: rule.signedRepository,
      log: rule.log === true,
      ...shadowDocument(shadows[index]),
    })),
  };
}

/** Returns what a policy requires, rule by rule, in lines. */
export function policyText(policy: Policy): string {
  const { source, revision, rules, limits } = policy;
  const { seccomp, apparmor } = baselineOf(policy);
  const lines = [
    `policy     ${source}`,
    `revision   ${revision}`,
    `baseline   seccomp: ${seccomp}, apparmor: ${apparmor}`,
    `limits     artifactBytes: ${limits.artifactBytes}, entriesPerSyscall: ${limits.entriesPerSyscall}`,
    `node       verifyCredentials: ${verifyCredentialsOf(policy)}, ignoredAnnotations: ${ignoredAnnotationsOf(policy)}`,
  ];
  if (rules.length === 0) lines.push('rules      none: everything is denied');
  const shadows = shadowsOf(rules);
  for (const [index, rule] of rules.entries()) {
    lines.push(`rule       ${rule.match}${rule.kinds === undefined ? '' : ` (${rule.kinds.join(', ')})`}`);
    if (rule.unsigned) lines.push('  allows   anything, unsigned');
    for (const each of asked(rule)) lines.push(`  requires ${each}`);
    if (rule.signedRepository !== undefined) lines.push(`  requires ${signedRepositoryText(rule.signedRepository)}`);
    if (rule.log) lines.push('  allows   mode=log: nodes may log what a profile refuses, instead of refusing it');
    const shadow = shadows[index];
    if (shadow === 'undecided')
      lines.push('  note     not checked whether earlier rules cover this one: that would take too long');
    else if (shadow !== undefined) lines.push(`  warning  unreachable: ${shadowText(shadow)}`);
  }
  return lines.join('\n');
}

function baselineOf({ baselineFiles = {} }: Policy): Document<'policy check'>['baseline'] {
  const { seccomp = 'RuntimeDefault', apparmor = 'RuntimeDefault' } = baselineFiles;
  return { seccomp, apparmor };
}

function verifyCredentialsOf({ verifyCredentials = 'cached' }: Policy): VerifyCredentials {
  return verifyCredentials;
}

function ignoredAnnotationsOf({ ignoredAnnotations = 'Report' }: Policy): IgnoredAnnotations {
  return ignoredAnnotations;
}

function asked({ require, attestations = [] }: Rule): string[] {
  return [...require.map(requirementText), ...attestations.map(attestationText)];
}

function signedRepositoryText(repository: string): string {
  const which = repository === 'same' ? 'the requested repository' : repository;
  return `signatures that name ${which} (signedRepository): those made with --signature-format legacy do, Sigstore bundles do not`;
}

function requirementText({ anyOf, threshold = 1 }: Requirement): string {
  const signers = anyOf.map(describeAlternative).join(' or ');
  return threshold === 1 ? signers : `${threshold} different signers of: ${signers}`;
}

function attestationText({ type, by, provenance }: AttestationRequirement): string {
  const facts = Object.entries(provenance).map(
    ([fact, expected]) => `, ${fact} ${'exact' in expected ? expected.exact : `${expected.pattern} (pattern)`}`,
  );
  return `attestation ${type}${facts.join('')}, by ${by === undefined ? 'a signer of the artifact' : requirementText(by)}`;
}

/** Returns the positions of the rules that make a rule unreachable, or that this is undecided. */
function shadowDocument(shadow: Shadow): Pick<Document<'policy check'>['rules'][number], 'neverAsked' | 'undecided'> {
  if (typeof shadow !== 'object') return shadow === undefined ? {} : { undecided: true };
  return { neverAsked: shadow.map(({ position }) => position).join(', ') };
}

function shadowText(shadow: readonly Rule[]): string {
  const named = shadow.map(({ match, position }) => `at ${position}, ${match}`);
  const last = named.pop();
  return named.length === 0
    ? `the rule ${last}, comes first and covers it`
    : `the rules ${named.join(', ')}, and ${last}, come first and together cover it`;
}
