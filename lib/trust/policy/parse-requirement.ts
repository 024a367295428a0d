import type { LogUse } from '../roots/trusted-root.ts';
import type { Expected, ExpectedIdentity } from '../signature/identity.ts';
import { predicateTypeNames, predicateTypeOf, provenancePredicateType } from '../signature/predicate-type.ts';
import type { AttestationInput, KeylessInput, RequirementInput } from './policy-schema.ts';
import type { FileName, Path, PolicyText } from './policy-text.ts';
import type { ExpectedProvenance, ProvenanceFact } from './provenance.ts';

export interface RequirementDocument {
  readonly anyOf: readonly AlternativeDocument[];
  readonly threshold?: number;
}

export type AlternativeDocument =
  | { readonly key: FileName; readonly log: LogUse; readonly keyless?: undefined }
  | { readonly keyless: ExpectedIdentity; readonly log: LogUse; readonly key?: undefined };

export interface AttestationDocument {
  /** Predicate type, a URI. */
  readonly type: string;
  readonly by?: RequirementDocument;
  readonly provenance: ExpectedProvenance;
}

/**
 * What a rule says about all of its requirements: how logs count, unless the kind of signer
 * decides.
 */
type RuleLogUse = LogUse | undefined;

/** Reads who must sign. Throws InvalidInput with the position. */
export function readRequirement(
  document: PolicyText,
  entry: RequirementInput,
  use: RuleLogUse,
  path: Path,
): RequirementDocument {
  const { anyOf, threshold, ...alone } = entry;
  if (anyOf !== undefined && Object.keys(alone).length > 0) {
    throw document.error(path, 'an entry is either one requirement or anyOf, not both');
  }
  const alternatives =
    anyOf === undefined
      ? [readAlternative(document, alone, use, path)]
      : anyOf.map((each, index) => readAlternative(document, each, use, [...path, 'anyOf', index]));
  const reachable = alternatives.some(fitsMany) ? Number.POSITIVE_INFINITY : alternatives.length;
  if (threshold !== undefined && threshold > reachable) {
    throw document.error([...path, 'threshold'], `${threshold} signers are wanted, and only ${reachable} named`, {
      hint: 'Name more of them under anyOf, or an identityPattern that fits several.',
    });
  }
  return { anyOf: alternatives, ...(threshold === undefined ? {} : { threshold }) };
}

/** Reads what must be attested. Throws InvalidInput with the position. */
export function readAttestation(
  document: PolicyText,
  entry: AttestationInput,
  use: RuleLogUse,
  path: Path,
): AttestationDocument {
  const { type: given, by, ...facts } = entry;
  const type = predicateTypeOf(given);
  if (type === undefined) {
    throw document.error([...path, 'type'], `not a type of attestation: ${JSON.stringify(given)}`, {
      hint: `Write ${Object.keys(predicateTypeNames).join(', ')}, or the URI of a predicate type.`,
    });
  }
  const provenance: Partial<Record<ProvenanceFact, Expected>> = {};
  for (const [fact, value] of Object.entries(facts) as [ProvenanceFact, string][]) {
    if (type !== provenancePredicateType) {
      throw document.error([...path, fact], `${fact} is looked up in SLSA provenance only (type: slsaprovenance1)`);
    }
    provenance[fact] = value.includes('*') ? { pattern: value } : { exact: value };
  }
  return { type, ...(by && { by: readRequirement(document, by, use, [...path, 'by']) }), provenance };
}

/** An alternative that more than one signer may meet. */
function fitsMany({ keyless }: AlternativeDocument): boolean {
  return keyless !== undefined && ('pattern' in keyless.identity || 'pattern' in keyless.issuer);
}

function readAlternative(
  document: PolicyText,
  { key, keyless }: Omit<RequirementInput, 'anyOf' | 'threshold'>,
  use: RuleLogUse,
  path: Path,
): AlternativeDocument {
  if ((key === undefined) === (keyless === undefined)) {
    throw document.error(path, 'a requirement names either a key or a keyless identity', {
      hint: 'Write `- key: release.pub`, or `- keyless: {issuer: …, identity: …}`.',
    });
  }
  // A key is trusted for itself; a certificate is worth only as much as the log that shows its use
  // to everybody.
  const log = use ?? (key === undefined ? 'required' : 'off');
  if (key !== undefined) return { key: { path: key, at: document.at([...path, 'key']) }, log };
  return { keyless: readIdentity(document, keyless ?? {}, [...path, 'keyless']), log };
}

function readIdentity(document: PolicyText, input: KeylessInput, path: Path): ExpectedIdentity {
  const expected = (name: 'issuer' | 'identity'): Expected => {
    const { [name]: exact, [`${name}Pattern` as const]: pattern } = input;
    if (exact?.includes('*')) {
      throw document.error([...path, name], `${name} is compared exactly, and no ${name} has a "*" in it`, {
        hint: `Call it ${name}Pattern, in which * stands for anything but /.`,
      });
    }
    if (exact !== undefined && pattern === undefined) return { exact };
    if (exact === undefined && pattern !== undefined) return { pattern };
    throw document.error(path, `a keyless requirement needs either ${name} or ${name}Pattern`);
  };
  return { issuer: expected('issuer'), identity: expected('identity'), claims: input.claims ?? {} };
}
