/** What `cosign sign` states since 3.0: "I signed this", and nothing more. */
export const signPredicateType = 'https://sigstore.dev/cosign/sign/v1';

/** SLSA provenance v1: how and of what something was built (slsa.dev/spec/v1.0/provenance). */
export const provenancePredicateType = 'https://slsa.dev/provenance/v1';

/** Short names of what is often attested, as `cosign attest --type` knows them. */
export const predicateTypeNames: Readonly<Record<string, string>> = {
  slsaprovenance1: provenancePredicateType,
  spdxjson: 'https://spdx.dev/Document',
  cyclonedx: 'https://cyclonedx.org/bom',
  vuln: 'https://cosign.sigstore.dev/attestation/vuln/v1',
  openvex: 'https://openvex.dev/ns',
};

/**
 * The predicate type that a short name or a URI stands for; undefined where the text is neither,
 * and for the type of plain signatures, which state nothing that could be attested.
 */
export function predicateTypeOf(text: string): string | undefined {
  if (Object.hasOwn(predicateTypeNames, text)) return predicateTypeNames[text];
  return /^https?:\/\/[^\s/]+\/\S*$/.test(text) && text !== signPredicateType ? text : undefined;
}
