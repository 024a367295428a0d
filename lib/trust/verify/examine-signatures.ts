import type { Descriptor } from '#lib/registry/descriptor';
import { formatRepository, type Reference } from '#lib/registry/reference';
import type { AttestationRequirement, Rule } from '../policy/policy.ts';
import { openSignature } from '../signature/read/open-signature.ts';
import type { SignedContent } from '../signature/read/signed-content.ts';
import type { Signature } from '../signature/signature.ts';
import { type Attempt, attempt } from './attempt.ts';
import { assertProvenance } from './checks/provenance.ts';
import { assertSignedRepository } from './checks/signed-repository.ts';
import type { Examined } from './examined.ts';
import { type OpenedSignature, RequirementTrial } from './requirement-trial.ts';
import type { ContentCheck } from './verify-signature.ts';

/**
 * Verifies the signatures of an artifact against each requirement of a rule, and its attestations
 * against those that the rule requires. Returns everything that came of it, as data; the decision
 * is made by verifySignatures. Needs no network.
 */
export function examineSignatures(
  descriptor: Descriptor,
  reference: Pick<Reference, 'registry' | 'repository'>,
  signatures: readonly Signature[],
  rule: Rule,
): Examined[] {
  const repository = rule.signedRepository === 'same' ? formatRepository(reference) : rule.signedRepository;
  const opened = signatures.map((signature) => ({ signature, content: attempt(() => openSignature(signature)) }));
  const { attestations = [] } = rule;
  const attested = new Set(attestations.map(({ type }) => type));
  const signing = opened.filter(({ content }) => !attested.has(typeOf(content)));
  return [
    ...rule.require.map((requirement) =>
      new RequirementTrial(requirement, signedFor(descriptor, repository)).run(signing),
    ),
    ...attestations.map((attestation) => examineAttestation(attestation, opened, descriptor, rule)),
  ];
}

/** Checks that a signature is for this artifact, and for this repository if there is one. */
function signedFor(descriptor: Descriptor, repository: string | undefined): ContentCheck {
  return (content) => {
    const { dockerReference } = content.assertIsFor(descriptor);
    if (repository !== undefined) assertSignedRepository(dockerReference, repository);
  };
}

function examineAttestation(
  { type, by, provenance }: AttestationRequirement,
  opened: readonly OpenedSignature[],
  descriptor: Descriptor,
  rule: Rule,
): Examined {
  const requirement = by ?? { anyOf: rule.require.flatMap(({ anyOf }) => anyOf) };
  const attests: ContentCheck = (content) => assertProvenance(content.assertAttests(descriptor, type), provenance);
  const statements = opened.filter(({ content }) => typeOf(content) === type);
  const examined = new RequirementTrial(requirement, attests).run(statements);
  return { attestation: type, ...examined, held: examined.held.map((held) => ({ attestation: type, ...held })) };
}

function typeOf(content: Attempt<SignedContent>): string {
  return ('value' in content ? content.value.claimedPredicateType() : undefined) ?? '';
}
