import { FairleadError } from '#lib/errors';
import type { Descriptor } from '#lib/registry/descriptor';
import { formatRepository, type Reference } from '#lib/registry/reference';
import { describeIdentity, identityProblem } from './identity.ts';
import { verifyBytes } from './key-algorithm.ts';
import type { Alternative, KeylessRequirement, KeyRequirement, Requirement, Rule } from './policy.ts';
import type { HeldSignature, Signature, SignedBy, Verification } from './signature.ts';
import { openSignature, type SignedContent } from './signed-content.ts';

const maxReasons = 10;

/**
 * Checks the signatures of an artifact against a rule: every requirement must be met by one of them. Needs no network, so
 * that what is cached can be checked again at any time.
 * Throws SignatureInvalid that names the requirement, and says of each signature why it does not meet it.
 */
export function verifySignatures(
  descriptor: Descriptor,
  reference: Reference,
  signatures: readonly Signature[],
  rule: Rule,
): Verification {
  if (rule.unsigned) return { rule: rule.match, unsigned: true, signatures: [] };
  const name = `${formatRepository(reference)}@${descriptor.digest}`;
  if (rule.require.length === 0) {
    throw new FairleadError('Internal', `rule ${rule.match} neither asks for a signature nor says that none is needed`);
  }
  const subject: Subject = {
    descriptor,
    repository: rule.signedRepository === 'same' ? formatRepository(reference) : rule.signedRepository,
  };
  const opened = signatures.map((signature) => ({ signature, content: attempt(() => openSignature(signature)) }));
  return {
    rule: rule.match,
    unsigned: false,
    signatures: rule.require.map((requirement) => {
      const reasons: string[] = [];
      const held = meet(requirement, opened, subject, reasons);
      if (held !== undefined) return held;
      throw refusal(name, rule, requirement, signatures, reasons);
    }),
  };
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

/** The first signature that one of the requirement's alternatives accepts; reasons why not are added to `reasons`. */
function meet(
  requirement: Requirement,
  opened: readonly Opened[],
  subject: Subject,
  reasons: string[],
): HeldSignature | undefined {
  for (const alternative of requirement.anyOf) {
    for (const { signature, content } of opened) {
      const signedBy = 'value' in content ? attempt(() => verify(content.value, subject, alternative)) : content;
      const { format, manifest } = signature;
      if ('value' in signedBy) return { format, manifest, ...signedBy.value };
      reasons.push(`${manifest} (${format}, with ${describe(alternative)}): ${signedBy.reason}`);
    }
  }
  return undefined;
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
  log?.root.verifyKey(content, publicKey.key, log.use);
  return { key, keyFingerprint: publicKey.fingerprint };
}

function verifyKeyless(content: SignedContent, { keyless, log }: KeylessRequirement): SignedBy {
  if (content.madeWith !== 'certificate') {
    throw new FairleadError('SignatureInvalid', 'it was made with a key, not with a certificate');
  }
  const certificate = log.root.verifyCertificate(content, log.use);
  const problem = identityProblem(certificate, keyless);
  if (problem !== undefined) throw new FairleadError('SignatureInvalid', problem);
  return { certificate };
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

function refusal(
  name: string,
  rule: Rule,
  requirement: Requirement,
  signatures: readonly Signature[],
  reasons: readonly string[],
): FairleadError {
  const wanted = requirement.anyOf.map(describe).join(' or ');
  if (signatures.length === 0) {
    return new FairleadError('SignatureInvalid', `${name} is not signed; rule ${rule.match} requires ${wanted}`, {
      hint: `Sign it with \`fairlead push --key …\`, or with \`cosign sign --key … ${name}\`.`,
    });
  }
  const listed = reasons.slice(0, maxReasons).map((reason) => `\n  ${reason}`);
  if (reasons.length > maxReasons) listed.push(`\n  and ${reasons.length - maxReasons} more`);
  return new FairleadError(
    'SignatureInvalid',
    `no signature of ${name} meets rule ${rule.match}, which requires ${wanted}:${listed.join('')}`,
    { hint: 'Ask the publisher what he signs with, and compare it with the policy.' },
  );
}
