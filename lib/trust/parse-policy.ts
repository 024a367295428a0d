import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import type { ProfileKind } from '#lib/profile/profile';
import type { Claim, Expected, ExpectedIdentity } from './identity.ts';
import { matchProblem } from './match.ts';
import { defaultLimits, type Limits, type LogUse } from './policy.ts';
import { type Path, PolicyText } from './policy-text.ts';

/** A policy as its text says it; the files that it names are not read yet. */
export interface PolicyDocument {
  readonly rules: readonly RuleDocument[];
  /** There wherever a rule needs it. */
  readonly trustedRoot?: FileName;
  readonly baseline: { readonly seccomp: 'RuntimeDefault' | FileName };
  readonly limits: Limits;
}

export interface RuleDocument {
  readonly match: string;
  readonly kinds?: readonly ProfileKind[];
  readonly require: readonly { readonly anyOf: readonly AlternativeDocument[] }[];
  readonly signedRepository?: string;
  readonly unsigned: boolean;
  /** `line:column`. */
  readonly position: string;
}

export type AlternativeDocument =
  | { readonly key: FileName; readonly log: LogUse; readonly keyless?: undefined }
  | { readonly keyless: ExpectedIdentity; readonly log: LogUse; readonly key?: undefined };

/** A file that the policy names, and where: `source:line:column`. */
export interface FileName {
  readonly path: string;
  readonly at: string;
}

const maxPolicyLength = 1024 * 1024;
const units: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 * 1024 };
const maxArtifactBytes = 16 * 1024 * 1024;

const fileName = v.pipe(v.string(), v.nonEmpty('a file name is needed'), v.maxLength(4096));
const text = v.pipe(v.string(), v.nonEmpty('it is empty'), v.maxLength(2048));
const pattern = v.pipe(text, v.regex(/[^*/]/, 'it fits everything: name at least a part'));
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
  anyOf: v.exactOptional(v.pipe(v.array(v.strictObject(alternativeKeys)), v.nonEmpty('name a key'), v.maxLength(64))),
};
const ruleKeys = {
  match: v.pipe(v.string(), v.maxLength(512)),
  kinds: v.exactOptional(
    v.pipe(v.array(v.picklist(['Seccomp', 'AppArmor'])), v.nonEmpty('name a kind, or leave kinds out')),
  ),
  require: v.exactOptional(
    v.pipe(
      v.array(v.strictObject(requirementKeys)),
      v.nonEmpty('name a key, or say `unsigned: true` instead'),
      v.maxLength(64),
    ),
  ),
  transparencyLog: v.exactOptional(v.picklist(['off', 'optional', 'required'])),
  signedRepository: v.exactOptional(text),
  unsigned: v.exactOptional(v.literal(true, 'the only value is true; leave it out where signatures are required')),
};
const baselineKeys = { seccomp: v.exactOptional(fileName), apparmor: v.exactOptional(v.literal('RuntimeDefault')) };
const limitsKeys = {
  artifactBytes: v.exactOptional(v.union([v.number(), v.string()])),
  entriesPerSyscall: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65536))),
};
const policyKeys = {
  apiVersion: v.literal('fairlead.dev/v1'),
  kind: v.literal('TrustPolicy'),
  rules: v.exactOptional(v.pipe(v.array(v.strictObject(ruleKeys)), v.maxLength(1000))),
  trustedRoot: v.exactOptional(fileName),
  baseline: v.exactOptional(v.strictObject(baselineKeys)),
  limits: v.exactOptional(v.strictObject(limitsKeys)),
};
/** The form of a policy; what it cannot say is checked by parsePolicy. docs/trust-policy.schema.json is made from it. */
export const policySchema = v.strictObject(policyKeys);

/** The keys that may stand below each key; '' is the top. */
const keysBelow: Readonly<Record<string, object>> = {
  '': policyKeys,
  rules: ruleKeys,
  require: requirementKeys,
  anyOf: alternativeKeys,
  keyless: keylessKeys,
  claims: claimKeys,
  baseline: baselineKeys,
  limits: limitsKeys,
};

type RuleInput = NonNullable<v.InferOutput<typeof policySchema>['rules']>[number];
type RequirementInput = NonNullable<RuleInput['require']>[number];
type KeylessInput = NonNullable<RequirementInput['keyless']>;

/**
 * Parses a trust policy (YAML or JSON). `source` is what messages call it. An empty text has no rules, and so denies
 * everything. Throws InvalidInput with source, line and column for whatever is not understood: unknown keys are never
 * passed over.
 */
export function parsePolicy(text: string, source: string): PolicyDocument {
  if (text.length > maxPolicyLength) throw new FairleadError('InvalidInput', `${source}: the policy is over 1 MiB`);
  const document = new PolicyText(text, source);
  if (document.value === null) return { rules: [], baseline: { seccomp: 'RuntimeDefault' }, limits: defaultLimits };
  const parsed = v.safeParse(policySchema, document.value);
  if (!parsed.success) throw document.schemaError(parsed.issues, (parent) => Object.keys(keysBelow[parent] ?? {}));
  const { rules = [], trustedRoot, baseline, limits } = parsed.output;
  const seccomp = baseline?.seccomp ?? 'RuntimeDefault';
  return {
    rules: rules.map((rule, index) => readRule(document, rule, trustedRoot !== undefined, ['rules', index])),
    ...(trustedRoot === undefined ? {} : { trustedRoot: { path: trustedRoot, at: document.at(['trustedRoot']) } }),
    baseline: {
      seccomp: seccomp === 'RuntimeDefault' ? seccomp : { path: seccomp, at: document.at(['baseline', 'seccomp']) },
    },
    limits: {
      artifactBytes: readBytes(document, limits?.artifactBytes ?? defaultLimits.artifactBytes),
      entriesPerSyscall: limits?.entriesPerSyscall ?? defaultLimits.entriesPerSyscall,
    },
  };
}

function readRule(document: PolicyText, rule: RuleInput, hasRoot: boolean, path: Path): RuleDocument {
  const problem = matchProblem(rule.match);
  if (problem !== undefined) {
    throw document.error([...path, 'match'], `not a repository pattern: ${JSON.stringify(rule.match)}: ${problem}`, {
      hint: 'A match is registry/repository, where * is one path segment and ** any number, such as registry.example.com/security/**.',
    });
  }
  const asks = rule.require ?? rule.transparencyLog ?? rule.signedRepository;
  if (rule.unsigned === true && asks !== undefined) {
    throw document.error(
      [...path, 'unsigned'],
      'a rule cannot say `unsigned: true` and require something of signatures',
    );
  }
  if (rule.unsigned !== true && rule.require === undefined) {
    throw document.error(path, 'the rule says neither which key to require nor `unsigned: true`', {
      hint: 'Add `require: [{key: release.pub}]`. Whoever wants no signatures has to say so.',
    });
  }
  return {
    match: rule.match,
    ...(rule.kinds === undefined ? {} : { kinds: rule.kinds }),
    require: (rule.require ?? []).map((entry, index) =>
      readRequirement(document, entry, { transparencyLog: rule.transparencyLog, hasRoot }, [...path, 'require', index]),
    ),
    ...(rule.signedRepository === undefined
      ? {}
      : { signedRepository: readSignedRepository(document, rule.signedRepository, [...path, 'signedRepository']) }),
    unsigned: rule.unsigned === true,
    position: document.position(path),
  };
}

function readSignedRepository(document: PolicyText, given: string, path: Path): string {
  if (given === 'same') return given;
  const problem = given.includes('*') ? 'it has a *' : matchProblem(given);
  if (problem === undefined) return given;
  throw document.error(path, `not a repository: ${JSON.stringify(given)}: ${problem}`, {
    hint: 'Write registry/repository, or `same` for the one that is pulled from.',
  });
}

/** What a rule and its policy say about all of its requirements. */
interface Surroundings {
  readonly transparencyLog: LogUse | undefined;
  readonly hasRoot: boolean;
}

function readRequirement(
  document: PolicyText,
  entry: RequirementInput,
  around: Surroundings,
  path: Path,
): RuleDocument['require'][number] {
  const { anyOf, ...alone } = entry;
  if (anyOf === undefined) return { anyOf: [readAlternative(document, alone, around, path)] };
  if (Object.keys(alone).length > 0) {
    throw document.error(path, 'an entry is either one requirement or anyOf, not both');
  }
  return { anyOf: anyOf.map((each, index) => readAlternative(document, each, around, [...path, 'anyOf', index])) };
}

function readAlternative(
  document: PolicyText,
  { key, keyless }: Omit<RequirementInput, 'anyOf'>,
  { transparencyLog, hasRoot }: Surroundings,
  path: Path,
): AlternativeDocument {
  if ((key === undefined) === (keyless === undefined)) {
    throw document.error(path, 'a requirement names either a key or a keyless identity', {
      hint: 'Write `- key: release.pub`, or `- keyless: {issuer: …, identity: …}`.',
    });
  }
  // A key is trusted for itself; a certificate is worth only as much as the log that shows its use to everybody.
  const log = transparencyLog ?? (key === undefined ? 'required' : 'off');
  if (!hasRoot && (key === undefined || log !== 'off')) {
    throw document.error(path, 'this needs a trustedRoot, which the policy does not name', {
      hint: 'Name the file with the authorities and logs to trust: `trustedRoot: trusted_root.json`.',
    });
  }
  if (key !== undefined) return { key: { path: key, at: document.at([...path, 'key']) }, log };
  return { keyless: readIdentity(document, keyless ?? {}, [...path, 'keyless']), log };
}

function readIdentity(document: PolicyText, input: KeylessInput, path: Path): ExpectedIdentity {
  const expected = (name: 'issuer' | 'identity'): Expected => {
    const { [name]: exact, [`${name}Pattern` as const]: pattern } = input;
    if (exact !== undefined && pattern === undefined) return { exact };
    if (exact === undefined && pattern !== undefined) return { pattern };
    throw document.error(path, `a keyless requirement needs either ${name} or ${name}Pattern`);
  };
  return { issuer: expected('issuer'), identity: expected('identity'), claims: input.claims ?? {} };
}

function readBytes(document: PolicyText, given: string | number): number {
  const match = /^([0-9]{1,9})\s*(B|KiB|MiB)?$/.exec(String(given));
  const bytes = Number(match?.[1]) * (units[match?.[2] ?? 'B'] ?? 1);
  if (bytes >= 1 && bytes <= maxArtifactBytes) return bytes;
  throw document.error(['limits', 'artifactBytes'], `not a size from 1 B to 16 MiB: ${JSON.stringify(given)}`, {
    hint: 'Write a number of bytes, or one with KiB or MiB, such as 1MiB.',
  });
}
