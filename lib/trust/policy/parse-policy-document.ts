import * as v from 'valibot';
import type { ConfigDocument, FileName, Path } from '#lib/config/config-document';
import { ConfigText } from '#lib/config/config-text';
import { FairleadError } from '#lib/errors';
import type { ProfileKind } from '#lib/profile/profile';
import { defaultPublicationLimits, type PublicationLimits } from '#lib/profile/publication-limits';
import { closestMatch } from './closest-match.ts';
import { matchProblem } from './match.ts';
import { type IgnoredAnnotations, maxArtifactBytes, type VerifyCredentials } from './node-policy.ts';
import {
  type AttestationDocument,
  type RequirementDocument,
  readAttestation,
  readRequirement,
} from './parse-requirement.ts';
import { keysBelow, type PolicyInput, policySchema, type RuleInput } from './policy-schema.ts';

/** A parsed policy. The files that it names are not read yet. */
export interface PolicyDocument {
  readonly rules: readonly RuleDocument[];
  /** Absent if no rule needs one. */
  readonly trustedRoot?: RootDocument;
  readonly baseline: BaselineDocument;
  readonly limits: PublicationLimits;
  readonly verifyCredentials?: VerifyCredentials;
  readonly ignoredAnnotations?: IgnoredAnnotations;
}

/** The baseline of each kind that nodes apply: the default of the runtime, or a file. */
export interface BaselineDocument {
  readonly seccomp: 'RuntimeDefault' | FileName;
  readonly apparmor: 'RuntimeDefault' | FileName;
}

/** The baseline of a policy that names none. */
export const defaultBaseline = { seccomp: 'RuntimeDefault', apparmor: 'RuntimeDefault' } as const;

/**
 * Where the trusted authorities and logs are specified: in a file, in a TUF repository, or in
 * Sigstore's public one.
 */
export type RootDocument =
  | { readonly file: FileName }
  | { readonly tuf: { readonly mirror: string; readonly root: FileName } }
  | 'public';

/** A parsed rule. */
export interface RuleDocument {
  readonly match: string;
  readonly kinds?: readonly ProfileKind[];
  readonly require: readonly RequirementDocument[];
  readonly attestations?: readonly AttestationDocument[];
  readonly signedRepository?: string;
  readonly log?: true;
  readonly unsigned: boolean;
  /** `line:column` in the file, or the field of the object. */
  readonly position: string;
}

const maxPolicyLength = 1024 * 1024;
const units: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 * 1024 };

/**
 * Parses a trust policy (YAML or JSON). `source` is its name in messages. An empty text has no
 * rules, so it denies everything. Throws InvalidInput with source, line and column for invalid
 * content; unknown keys are invalid.
 */
export function parsePolicyDocument(text: string, source: string): PolicyDocument {
  if (text.length > maxPolicyLength) {
    throw new FairleadError('InvalidInput', `${source}: the policy is too large: want at most 1 MiB`, {
      hint: 'Shorten the policy: one rule with a wildcard can replace many.',
    });
  }
  return readPolicyDocument(new ConfigText(text, source, formatHint));
}

/** The hint of errors about a trust policy that have no other. */
export const formatHint = 'See docs/guides/trust-policy.md for the format of a trust policy.';

/**
 * Reads a trust policy that is parsed already. Throws InvalidInput with the place of what is
 * invalid.
 */
export function readPolicyDocument(document: ConfigDocument): PolicyDocument {
  if (document.value === null) return { rules: [], baseline: defaultBaseline, limits: defaultPublicationLimits };
  refuseUnappliedBaseline(document);
  const parsed = v.safeParse(policySchema, document.value);
  if (!parsed.success) throw document.schemaError(parsed.issues, (parent) => Object.keys(keysBelow[parent] ?? {}));
  const { rules: given = [], trustedRoot, baseline, limits, verifyCredentials, ignoredAnnotations } = parsed.output;
  const rules = given.map((rule, index) => readRule(document, rule, ['rules', index]));
  return {
    rules,
    ...(trustedRoot !== undefined || rules.some(needsRoot) ? { trustedRoot: readRoot(document, trustedRoot) } : {}),
    baseline: {
      seccomp: readBaseline(document, 'seccomp', baseline?.seccomp),
      apparmor: readBaseline(document, 'apparmor', baseline?.apparmor),
    },
    limits: {
      artifactBytes: readBytes(document, limits?.artifactBytes ?? defaultPublicationLimits.artifactBytes),
      entriesPerSyscall: limits?.entriesPerSyscall ?? defaultPublicationLimits.entriesPerSyscall,
    },
    ...(verifyCredentials !== undefined && { verifyCredentials }),
    ...(ignoredAnnotations !== undefined && { ignoredAnnotations }),
  };
}

function readBaseline<Key extends keyof BaselineDocument>(
  document: ConfigDocument,
  key: Key,
  given: string | undefined,
): BaselineDocument[Key] {
  if (given === undefined || given === 'RuntimeDefault') return 'RuntimeDefault';
  return { path: given, at: document.at(['baseline', key]) };
}

/** Refuses a baseline of a kind that nodes do not apply: ignored, it would seem in force. */
function refuseUnappliedBaseline(document: ConfigDocument): void {
  const { baseline } = document.value as { readonly baseline?: unknown };
  if (typeof baseline !== 'object' || baseline === null || !Object.hasOwn(baseline, 'selinux')) return;
  const message = 'baseline.selinux: nodes do not apply SELinux profiles yet, so this baseline would have no effect';
  throw document.error(['baseline', 'selinux'], message, {
    hint: "Remove baseline.selinux. Containers run under the node's own SELinux settings.",
  });
}

function readRoot(document: ConfigDocument, given: PolicyInput['trustedRoot']): RootDocument {
  if (given === undefined) return 'public';
  const at = document.at(['trustedRoot']);
  if (typeof given === 'string') return { file: { path: given, at } };
  return { tuf: { mirror: given.tuf, root: { path: given.root, at } } };
}

function needsRoot({ require, attestations = [] }: RuleDocument): boolean {
  return [...require, ...attestations.map(({ by }) => by)].some((each) =>
    each?.anyOf.some(({ keyless, log }) => keyless !== undefined || log !== 'off'),
  );
}

function readRule(document: ConfigDocument, rule: RuleInput, path: Path): RuleDocument {
  const problem = matchProblem(rule.match);
  if (problem !== undefined) {
    throw document.error([...path, 'match'], `invalid match ${JSON.stringify(rule.match)}: ${problem}`, {
      hint: spellingHint(
        rule.match,
        'Write registry/repository, where * matches one path segment and ** any number, such as registry.example.com/security/**.',
      ),
    });
  }
  const asks = rule.require ?? rule.attestations ?? rule.transparencyLog ?? rule.signedRepository;
  if (rule.unsigned === true && asks !== undefined) {
    throw document.error([...path, 'unsigned'], '"unsigned: true" in a rule that requires signatures', {
      hint: 'Remove unsigned, or everything that the rule requires of signatures.',
    });
  }
  if (rule.unsigned !== true && rule.require === undefined) {
    throw document.error(path, 'rule without requirements: want "require" or "unsigned: true"', {
      hint: 'Add `require: [{key: release.pub}]`, or `unsigned: true` to allow unsigned artifacts.',
    });
  }
  const { transparencyLog } = rule;
  return {
    match: rule.match,
    ...(rule.kinds === undefined ? {} : { kinds: rule.kinds }),
    require: (rule.require ?? []).map((entry, index) =>
      readRequirement(document, entry, transparencyLog, [...path, 'require', index]),
    ),
    ...(rule.attestations === undefined
      ? {}
      : {
          attestations: rule.attestations.map((entry, index) =>
            readAttestation(document, entry, transparencyLog, [...path, 'attestations', index]),
          ),
        }),
    ...(rule.signedRepository === undefined
      ? {}
      : { signedRepository: readSignedRepository(document, rule.signedRepository, [...path, 'signedRepository']) }),
    ...(rule.log && { log: rule.log }),
    unsigned: rule.unsigned === true,
    position: document.position(path),
  };
}

function readSignedRepository(document: ConfigDocument, given: string, path: Path): string {
  if (given === 'same') return given;
  const problem = given.includes('*') ? 'wildcards are not allowed' : matchProblem(given);
  if (problem === undefined) return given;
  throw document.error(path, `invalid repository ${JSON.stringify(given)}: ${problem}`, {
    hint: spellingHint(given, 'Write registry/repository, or "same" for the repository that is pulled.'),
  });
}

/** Returns a hint with the spelling that was probably meant, before the general one. */
function spellingHint(written: string, general: string): string {
  const closest = closestMatch(written);
  return closest === undefined ? general : `Did you mean ${closest}? ${general}`;
}

function readBytes(document: ConfigDocument, given: string | number): number {
  const match = /^([0-9]{1,9})\s*(B|KiB|MiB)?$/.exec(String(given));
  const bytes = Number(match?.[1]) * (units[match?.[2] ?? 'B'] ?? 1);
  if (bytes >= 1 && bytes <= maxArtifactBytes) return bytes;
  throw document.error(['limits', 'artifactBytes'], `invalid size ${JSON.stringify(given)}: want 1 B to 16 MiB`, {
    hint: 'Write a number of bytes, or a number with KiB or MiB, such as 1MiB.',
  });
}
