import { ConfigValue } from '#lib/config/config-value';
import { defaultPublicationLimits } from '#lib/profile/publication-limits';
import type { Policy } from '#lib/trust/policy/node-policy';
import { formatHint, type PolicyDocument, readPolicyDocument } from '#lib/trust/policy/parse-policy-document';
import { resolvePolicy } from '#lib/trust/policy/resolve-policy';
import { fieldOfSteps } from '../validate/field.ts';
import { type InlineFiles, inlinePolicy, type TrustPolicySpec } from './inline-policy.ts';

/** The name of the TrustPolicy object by which the operator decides. */
export const policyName = 'default';

/** The object, as messages name it. */
const source = `TrustPolicy ${policyName}`;

/** A specification, read as a policy file is read. */
export interface ReadSpec {
  readonly document: PolicyDocument;
  readonly files: InlineFiles;
  /** The same for equal specifications only, with `files`. */
  readonly text: string;
}

/**
 * Reads what a TrustPolicy object specifies, with the parser of policy files. Throws InvalidInput
 * that begins with the field at fault, such as `spec.rules[0].match`.
 */
export function readPolicySpec(spec: TrustPolicySpec): ReadSpec {
  const { value, files } = inlinePolicy(spec);
  const document = readPolicyDocument(new ConfigValue(value, (path) => fieldOfSteps(['spec', ...path]), formatHint));
  return { document, files, text: JSON.stringify(value) };
}

/**
 * Returns the policy that a TrustPolicy object specifies. Throws as {@link readPolicySpec} and
 * resolvePolicy do.
 */
export async function objectPolicy(spec: TrustPolicySpec): Promise<Policy> {
  const { document, ...origin } = readPolicySpec(spec);
  return await resolvePolicy(document, { source, ...origin });
}

/** The revision of a policy that stands for none. */
const noRevision = 'none';

/** Returns the policy that allows nothing, because there is no valid object: `why`. */
export function denyingPolicy(why: 'does not exist' | 'is invalid'): Policy {
  return {
    source: `${source} (which ${why})`,
    ...(why === 'does not exist' && { missing: true }),
    rules: [],
    baseline: { seccomp: 'RuntimeDefault', apparmor: 'RuntimeDefault' },
    limits: defaultPublicationLimits,
    revision: noRevision,
  };
}

/** Reports whether a policy stands for a valid object. */
export function isObjectPolicy({ revision }: Policy): boolean {
  return revision !== noRevision;
}
