import * as v from 'valibot';
import type { Claim } from '../signature/identity.ts';
import { ignoredAnnotationsValues, verifyCredentialsValues } from './node-policy.ts';
import type { ProvenanceFact } from './provenance.ts';

const fileName = v.pipe(v.string(), v.nonEmpty('empty value: want a file name'), v.maxLength(4096));
const text = v.pipe(v.string(), v.nonEmpty('empty value'), v.maxLength(2048));
const pattern = v.pipe(text, v.regex(/[^*/]/, 'the pattern matches everything: want a character other than * and /'));
const claimKeys = {
  repository: v.exactOptional(text),
  ref: v.exactOptional(text),
  workflow: v.exactOptional(text),
  trigger: v.exactOptional(text),
  runner: v.exactOptional(text),
} satisfies Record<Claim, unknown>;
const keylessKeys = {
  issuer: v.exactOptional(text),
  issuerPattern: v.exactOptional(pattern),
  identity: v.exactOptional(text),
  identityPattern: v.exactOptional(pattern),
  claims: v.exactOptional(v.strictObject(claimKeys)),
};
const alternativeKeys = {
  key: v.exactOptional(fileName),
  keyless: v.exactOptional(v.strictObject(keylessKeys)),
};
const requirementKeys = {
  ...alternativeKeys,
  anyOf: v.exactOptional(
    v.pipe(
      v.array(v.strictObject(alternativeKeys)),
      v.nonEmpty('empty list: want at least one key or identity'),
      v.maxLength(64),
    ),
  ),
  threshold: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(64))),
};
const attestationKeys = {
  type: text,
  builder: v.exactOptional(pattern),
  repository: v.exactOptional(pattern),
  ref: v.exactOptional(pattern),
  workflow: v.exactOptional(pattern),
  by: v.exactOptional(v.strictObject(requirementKeys)),
} satisfies Record<ProvenanceFact | 'type' | 'by', unknown>;
const ruleKeys = {
  match: v.pipe(v.string(), v.maxLength(512)),
  kinds: v.exactOptional(
    v.pipe(
      v.array(v.picklist(['Seccomp', 'AppArmor'])),
      v.nonEmpty('empty list: want at least one kind, or no "kinds"'),
    ),
  ),
  require: v.exactOptional(
    v.pipe(
      v.array(v.strictObject(requirementKeys)),
      v.nonEmpty('empty list: want at least one key or identity, or `unsigned: true` instead'),
      v.maxLength(64),
    ),
  ),
  attestations: v.exactOptional(
    v.pipe(
      v.array(v.strictObject(attestationKeys)),
      v.nonEmpty('empty list: want at least one type, or no "attestations"'),
      v.maxLength(16),
    ),
  ),
  transparencyLog: v.exactOptional(v.picklist(['off', 'optional', 'required'])),
  signedRepository: v.exactOptional(text),
  log: v.exactOptional(v.literal(true, 'invalid value: want true, or no "log" if profiles must be enforced')),
  unsigned: v.exactOptional(v.literal(true, 'invalid value: want true, or no "unsigned" if signatures are required')),
};
const baselineKeys = { seccomp: v.exactOptional(fileName), apparmor: v.exactOptional(fileName) };
const limitsKeys = {
  artifactBytes: v.exactOptional(v.union([v.number(), v.string()])),
  entriesPerSyscall: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65536))),
};
const mirrorKeys = { tuf: v.pipe(text, v.url('invalid URL')), root: fileName };
const policyKeys = {
  apiVersion: v.literal('fairlead.dev/v1'),
  kind: v.literal('TrustPolicy'),
  rules: v.exactOptional(v.pipe(v.array(v.strictObject(ruleKeys)), v.maxLength(1000))),
  trustedRoot: v.exactOptional(
    v.union([fileName, v.strictObject(mirrorKeys)], 'invalid value: want a file name or {tuf: URL, root: FILE}'),
  ),
  baseline: v.exactOptional(v.strictObject(baselineKeys)),
  limits: v.exactOptional(v.strictObject(limitsKeys)),
  verifyCredentials: v.exactOptional(v.picklist(verifyCredentialsValues)),
  ignoredAnnotations: v.exactOptional(v.picklist(ignoredAnnotationsValues)),
};
/**
 * The schema of a policy, from which docs/reference/trust-policy.schema.json is generated.
 * parsePolicyDocument checks what a schema cannot express.
 */
export const policySchema = v.strictObject(policyKeys);

/** The keys that are valid below each key; '' is the top. */
export const keysBelow: Readonly<Record<string, object>> = {
  '': policyKeys,
  rules: ruleKeys,
  require: requirementKeys,
  attestations: attestationKeys,
  by: requirementKeys,
  anyOf: alternativeKeys,
  keyless: keylessKeys,
  claims: claimKeys,
  trustedRoot: mirrorKeys,
  baseline: baselineKeys,
  limits: limitsKeys,
};

export type PolicyInput = v.InferOutput<typeof policySchema>;
export type RuleInput = NonNullable<PolicyInput['rules']>[number];
export type RequirementInput = NonNullable<RuleInput['require']>[number];
export type AttestationInput = NonNullable<RuleInput['attestations']>[number];
export type KeylessInput = NonNullable<RequirementInput['keyless']>;
