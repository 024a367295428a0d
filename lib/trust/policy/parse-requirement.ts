import type { ConfigDocument, FileName, Path } from '#lib/config/config-document';
import type { LogUse } from '../roots/trusted-root.ts';
import type { Expected, ExpectedIdentity } from '../signature/identity.ts';
import { predicateTypeNames, predicateTypeOf, provenancePredicateType } from '../signature/predicate-type.ts';
import type { AttestationInput, KeylessInput, RequirementInput } from './policy-schema.ts';
import type { ExpectedProvenance, ProvenanceFact } from './provenance.ts';

/** A parsed requirement. */
export interface RequirementDocument {
  readonly anyOf: readonly AlternativeDocument[];
  readonly threshold?: number;
}

/** A parsed alternative of a requirement. */
export type AlternativeDocument =
  | { readonly key: FileName; readonly log: LogUse; readonly keyless?: undefined }
  | { readonly keyless: ExpectedIdentity; readonly log: LogUse; readonly key?: undefined };

/** A parsed requirement for an attestation. */
export interface AttestationDocument {
  /** Predicate type, a URI. */
  readonly type: string;
  readonly by?: RequirementDocument;
  readonly provenance: ExpectedProvenance;
}

/** How the requirements of a rule use logs; undefined if the kind of signer decides. */
type RuleLogUse = LogUse | undefined;

/** Reads a requirement: who must sign. Throws InvalidInput with the position. */
export function readRequirement(
  document: ConfigDocument,
  entry: RequirementInput,
  use: RuleLogUse,
  path: Path,
): RequirementDocument {
  const { anyOf, threshold, ...alone } = entry;
  if (anyOf !== undefined && Object.keys(alone).length > 0) {
    throw document.error(path, 'anyOf beside key or keyless: want only one of them');
  }
  const alternatives =
    anyOf === undefined
      ? [readAlternative(document, alone, use, path)]
      : anyOf.map((each, index) => readAlternative(document, each, use, [...path, 'anyOf', index]));
  const reachable = alternatives.some(fitsMany) ? Number.POSITIVE_INFINITY : alternatives.length;
  if (threshold !== undefined && threshold > reachable) {
    throw document.error(
      [...path, 'threshold'],
      `invalid threshold ${threshold}: want at most ${reachable}, the number of signers that it names`,
      {
        hint: 'Name more signers under anyOf, or use an identityPattern that several signers match.',
      },
    );
  }
  return { anyOf: alternatives, ...(threshold === undefined ? {} : { threshold }) };
}

/** Reads what must be attested, and by whom. Throws InvalidInput with the position. */
export function readAttestation(
  document: ConfigDocument,
  entry: AttestationInput,
  use: RuleLogUse,
  path: Path,
): AttestationDocument {
  const { type: given, by, ...facts } = entry;
  const type = predicateTypeOf(given);
  if (type === undefined) {
    throw document.error([...path, 'type'], `invalid attestation type ${JSON.stringify(given)}`, {
      hint: `Write ${Object.keys(predicateTypeNames).join(', ')}, or the URI of a predicate type.`,
    });
  }
  const provenance: Partial<Record<ProvenanceFact, Expected>> = {};
  for (const [fact, value] of Object.entries(facts) as [ProvenanceFact, string][]) {
    if (type !== provenancePredicateType) {
      throw document.error([...path, fact], `${fact} applies only to SLSA provenance: want type slsaprovenance1`);
    }
    provenance[fact] = value.includes('*') ? { pattern: value } : { exact: value };
  }
  return { type, ...(by && { by: readRequirement(document, by, use, [...path, 'by']) }), provenance };
}

/** Returns whether more than one signer may meet an alternative. */
function fitsMany({ keyless }: AlternativeDocument): boolean {
  return keyless !== undefined && ('pattern' in keyless.identity || 'pattern' in keyless.issuer);
}

function readAlternative(
  document: ConfigDocument,
  { key, keyless }: Omit<RequirementInput, 'anyOf' | 'threshold'>,
  use: RuleLogUse,
  path: Path,
): AlternativeDocument {
  if ((key === undefined) === (keyless === undefined)) {
    throw document.error(path, 'invalid requirement: want either key or keyless', {
      hint: 'Write `- key: release.pub`, or `- keyless: {issuer: …, identity: …}`.',
    });
  }
  // A key is trusted by itself. A certificate can be trusted only if a public log shows its use.
  const log = use ?? (key === undefined ? 'required' : 'off');
  if (key !== undefined) return { key: { path: key, at: document.at([...path, 'key']) }, log };
  return { keyless: readIdentity(document, keyless ?? {}, [...path, 'keyless']), log };
}

function readIdentity(document: ConfigDocument, input: KeylessInput, path: Path): ExpectedIdentity {
  const expected = (name: 'issuer' | 'identity'): Expected => {
    const { [name]: exact, [`${name}Pattern` as const]: pattern } = input;
    if (exact?.includes('*')) {
      throw document.error([...path, name], `invalid ${name}: it is compared exactly, so * is not allowed`, {
        hint: `Use ${name}Pattern, in which * matches any characters except /.`,
      });
    }
    if (exact !== undefined && pattern === undefined) return { exact };
    if (exact === undefined && pattern !== undefined) return { pattern };
    throw document.error(path, `invalid keyless requirement: want either ${name} or ${name}Pattern`);
  };
  return { issuer: expected('issuer'), identity: expected('identity'), claims: input.claims ?? {} };
}
