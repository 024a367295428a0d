import { FairleadError } from '#lib/errors';
import type { Descriptor } from '#lib/registry/descriptor';
import type { Digest } from '#lib/registry/digest';
import { formatRepository, type Reference } from '#lib/registry/reference';
import { describeIdentity, identityProblem } from './identity.ts';
import { verifyBytes } from './key-algorithm.ts';
import type { Alternative, KeylessRequirement, KeyRequirement, Requirement, Rule } from './policy.ts';
import type { HeldSignature, Signature, SignedBy } from './signature.ts';
import { openSignature, type SignedContent } from './signed-content.ts';

/** How one requirement of a rule fared: what it asked for, which signature met it, and why others did not. */
export interface Examined {
  /** The alternatives that would do, in words. */
  readonly wanted: readonly string[];
  /** Absent: no signature meets the requirement. */
  readonly held?: HeldSignature;
  /** What was tried before one held; all there is, where none did. */
  readonly refused: readonly RefusedSignature[];
}

/** Why a signature does not meet a requirement. */
export interface RefusedSignature {
  readonly format: Signature['format'];
  readonly manifest: Digest;
  /** The alternative that it was tried with. */
  readonly wanted: string;
  readonly reason: string;
}

/**
 * Tries the signatures of an artifact against each requirement of a rule, and tells all that came of it: the explanation of
 * a decision, as data. verifySignatures makes the decision of it. Needs no network.
 */
export function examineSignatures(
  descriptor: Descriptor,
  reference: Pick<Reference, 'registry' | 'repository'>,
  signatures: readonly Signature[],
  rule: Rule,
): Examined[] {
  const repository = rule.signedRepository === 'same' ? formatRepository(reference) : rule.signedRepository;
  const opened = signatures.map((signature) => ({ signature, content: attempt(() => openSignature(signature)) }));
  return rule.require.map((requirement) => examine(requirement, opened, { descriptor, repository }));
}

/** What came of something that may find a signature invalid: a value, or the reason. */
type Attempt<T> = { readonly value: T } | { readonly reason: string };

/** What a signature must have been made for. */
interface Subject {
  readonly descriptor: Descriptor;
  /** Undefined where the rule does not ask. */
  readonly repository: string | undefined;
}

interface Opened {
  readonly signature: Signature;
  readonly content: Attempt<SignedContent>;
}

function examine(requirement: Requirement, opened: readonly Opened[], subject: Subject): Examined {
  const wanted = requirement.anyOf.map(describe);
  const refused: RefusedSignature[] = [];
  for (const alternative of requirement.anyOf) {
    for (const { signature, content } of opened) {
      const signedBy = 'value' in content ? attempt(() => verify(content.value, subject, alternative)) : content;
      const { format, manifest } = signature;
      if ('value' in signedBy) return { wanted, held: { format, manifest, ...signedBy.value }, refused };
      refused.push({ format, manifest, wanted: describe(alternative), reason: signedBy.reason });
    }
  }
  return { wanted, refused };
}

/** Checks who made a signature, then that he made it for this artifact. Throws SignatureInvalid. */
function verify(content: SignedContent, { descriptor, repository }: Subject, alternative: Alternative): SignedBy {
  const signedBy =
    alternative.keyless !== undefined ? verifyKeyless(content, alternative) : verifyWithKey(content, alternative);
  const { dockerReference } = content.assertIsFor(descriptor);
  if (repository !== undefined) assertRepository(dockerReference, repository);
  return signedBy;
}

/** Signatures of the same bytes in another repository are refused where the rule asks for it; a tag that the signer named plays no part. */
function assertRepository(dockerReference: string | undefined, repository: string): void {
  if (dockerReference === undefined) {
    throw new FairleadError('SignatureInvalid', 'it does not say for which repository it was made (bundles never do)');
  }
  const [, named] = /^([^@]*?)(?::[^/:@]*)?(?:@.*)?$/.exec(dockerReference) ?? [];
  if (named === repository) return;
  throw new FairleadError('SignatureInvalid', `it was made for ${JSON.stringify(dockerReference.slice(0, 300))}`);
}

function verifyWithKey(content: SignedContent, { key, publicKey, log }: KeyRequirement): SignedBy {
  if (content.madeWith !== 'key') {
    throw new FairleadError('SignatureInvalid', 'it was made with a certificate, not with a key');
  }
  if (!verifyBytes(publicKey.key, content.signed, content.signature)) {
    throw new FairleadError('SignatureInvalid', 'it was not made with this key');
  }
  const entries = log?.root.verifyKey(content, publicKey.key, log.use);
  return { key, keyFingerprint: publicKey.fingerprint, ...(entries === undefined ? {} : { logIndexes: entries }) };
}

function verifyKeyless(content: SignedContent, { keyless, log }: KeylessRequirement): SignedBy {
  if (content.madeWith !== 'certificate') {
    throw new FairleadError('SignatureInvalid', 'it was made with a key, not with a certificate');
  }
  const { certificate, logIndexes } = log.root.verifyCertificate(content, log.use);
  const problem = identityProblem(certificate, keyless);
  if (problem !== undefined) throw new FairleadError('SignatureInvalid', problem);
  return { certificate, logIndexes };
}

function attempt<T>(make: () => T): Attempt<T> {
  try {
    return { value: make() };
  } catch (error) {
    if (error instanceof FairleadError && error.kind === 'SignatureInvalid') return { reason: error.message };
    throw error;
  }
}

function describe(alternative: Alternative): string {
  return alternative.keyless !== undefined ? describeIdentity(alternative.keyless) : `key ${alternative.key}`;
}
