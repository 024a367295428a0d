/** The predicate type of `cosign sign` since 3.0: "I signed this", and nothing more. */
export const signPredicateType = 'https://sigstore.dev/cosign/sign/v1';

/** SLSA provenance v1: how and from what something was built (slsa.dev/spec/v1.0/provenance). */
export const provenancePredicateType = 'https://slsa.dev/provenance/v1';

/** The short names of common predicate types, as in `cosign attest --type`. */
export const predicateTypeNames: Readonly<Record<string, string>> = {
  slsaprovenance1: provenancePredicateType,
  spdxjson: 'https://spdx.dev/Document',
  cyclonedx: 'https://cyclonedx.org/bom',
  vuln: 'https://cosign.sigstore.dev/attestation/vuln/v1',
  openvex: 'https://openvex.dev/ns',
};

/**
 * Returns the predicate type for a short name or a URI; undefined if the text is neither, and for
 * the type of plain signatures, which is not an attestation.
 */
export function predicateTypeOf(text: string): string | undefined {
  if (Object.hasOwn(predicateTypeNames, text)) return predicateTypeNames[text];
  return /^https?:\/\/[^\s/]+\/\S*$/.test(text) && text !== signPredicateType ? text : undefined;
}
