import { FairleadError } from '#lib/errors';
import type { Descriptor } from '#lib/registry/descriptor';
import type { Digest } from '#lib/registry/digest';
import { formatRepository, type Reference } from '#lib/registry/reference';
import { repositoryName } from '#lib/registry/registry-name';
import { quote } from '#lib/text/quote';
import { verifyBytes } from '../keys/key-algorithm.ts';
import type {
  Alternative,
  AttestationRequirement,
  KeylessRequirement,
  KeyRequirement,
  Requirement,
  Rule,
} from '../policy/policy.ts';
import { provenanceProblem } from '../policy/provenance.ts';
import { describeIdentity, identityProblem } from '../signature/identity.ts';
import { openSignature, type SignedContent } from '../signature/read/signed-content.ts';
import type { HeldSignature, Signature, SignedBy } from '../signature/signature.ts';

/**
 * Certificates and log entries that are verified for a requirement, at most. Anybody can make
 * copies of a good signature with something wrong about them, at 10 ms each.
 */
const mostVerifications = 256;

/**
 * How one requirement of a rule fared: what it asked for, which signatures met it, and why others
 * did not.
 */
export interface Examined {
  /** The predicate type, where it is an attestation that is asked for. */
  readonly attestation?: string;
  /** The alternatives that would do, in words. */
  readonly wanted: readonly string[];
  /** How many different signers are needed. */
  readonly threshold: number;
  /** Of different signers each; the requirement is met where there are as many as the threshold. */
  readonly held: readonly HeldSignature[];
  /** What was tried before enough held; all there is, where too few did. */
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

/** Why a bundle never meets a rule that asks for `signedRepository`. */
export const namesNoRepository = 'it does not say for which repository it was made (bundles never do)';

/** Says whether a requirement was met. */
export function isMet({ held, threshold }: Examined): boolean {
  return held.length >= Math.max(threshold, 1);
}

/**
 * Tries the signatures of an artifact against each requirement of a rule, and its attestations
 * against those that the rule asks for; tells all that came of it: the explanation of a decision,
 * as data. verifySignatures makes the decision of it. Needs no network.
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
    ...rule.require.map((requirement) => examine(requirement, signing, assertSigned(descriptor, repository))),
    ...attestations.map((attestation) => examineAttestation(attestation, opened, descriptor, rule)),
  ];
}

/** What came of something that may find a signature invalid: a value, or the reason. */
type Attempt<T> = { readonly value: T } | { readonly reason: string };

interface Opened {
  readonly signature: Signature;
  readonly content: Attempt<SignedContent>;
}

/** Checks what was signed. Throws SignatureInvalid. */
type ContentCheck = (content: SignedContent) => void;

function typeOf(content: Attempt<SignedContent>): string {
  return ('value' in content ? content.value.claimedPredicateType() : undefined) ?? '';
}

function examineAttestation(
  { type, by, provenance }: AttestationRequirement,
  opened: readonly Opened[],
  descriptor: Descriptor,
  rule: Rule,
): Examined {
  const requirement = by ?? { anyOf: rule.require.flatMap(({ anyOf }) => anyOf) };
  const statements = opened.filter(({ content }) => typeOf(content) === type);
  const examined = examine(requirement, statements, (content) => {
    const predicate = content.assertAttests(descriptor, type);
    const problem = Object.keys(provenance).length === 0 ? undefined : provenanceProblem(predicate, provenance);
    if (problem !== undefined) throw new FairleadError('SignatureInvalid', problem);
  });
  return { attestation: type, ...examined, held: examined.held.map((held) => ({ attestation: type, ...held })) };
}

function examine({ anyOf, threshold = 1 }: Requirement, opened: readonly Opened[], check: ContentCheck): Examined {
  const wanted = anyOf.map(describeAlternative);
  // By signer: who signs twice, or stands in the policy under two names, counts once.
  const held = new Map<string, HeldSignature>();
  const refused: RefusedSignature[] = [];
  let left = mostVerifications;
  const trial: Trial = { check, counts: (signer) => !held.has(signerOf(signer)), affords: () => left-- > 0 };
  for (const alternative of anyOf) {
    for (const { signature, content } of opened) {
      if (held.size >= threshold) break;
      const { format, manifest } = signature;
      const signedBy = 'value' in content ? attempt(() => verify(content.value, alternative, trial)) : content;
      if ('reason' in signedBy) {
        refused.push({ format, manifest, wanted: describeAlternative(alternative), reason: signedBy.reason });
      } else if (signedBy.value !== undefined) {
        held.set(signerOf(signedBy.value), { format, manifest, ...signedBy.value });
      }
    }
  }
  return { wanted, threshold, held: [...held.values()], refused };
}

type Signer = Pick<SignedBy, 'keyFingerprint' | 'certificate'>;

/**
 * By what signers are told apart. The same name is one signer, whoever vouches for it and in
 * whatever letters, and so is a workflow, whatever branch or tag it ran for: who may push one may
 * push two.
 */
function signerOf({ keyFingerprint, certificate }: Signer): string {
  return JSON.stringify(keyFingerprint ?? [certificate?.identity.toLowerCase().replace(/@refs\/.*$/, '')]);
}

/** What a signature is tried with. */
interface Trial {
  readonly check: ContentCheck;
  /** Says whether one more signature of this signer makes a difference. */
  readonly counts: (signer: Signer) => boolean;
  /** Says whether one more certificate or log entry may be verified, and counts it. */
  readonly affords: () => boolean;
}

/**
 * Checks who made a signature, and what he signed: what costs much, certificates and logs, at the
 * end, because anybody can leave a thousand signatures beside an artifact. Gives undefined for a
 * signer who does not count. Throws SignatureInvalid.
 */
function verify(content: SignedContent, alternative: Alternative, trial: Trial): SignedBy | undefined {
  return alternative.keyless !== undefined
    ? verifyKeyless(content, alternative, trial)
    : verifyWithKey(content, alternative, trial);
}

/** Checks that the signature is for this artifact, and for this repository where one is given. */
function assertSigned(descriptor: Descriptor, repository: string | undefined): ContentCheck {
  return (content) => {
    const { dockerReference } = content.assertIsFor(descriptor);
    if (repository !== undefined) assertRepository(dockerReference, repository);
  };
}

/**
 * Signatures of the same bytes in another repository are refused where the rule asks for it; a tag
 * that the signer named plays no part.
 */
function assertRepository(dockerReference: string | undefined, repository: string): void {
  if (dockerReference === undefined) {
    throw new FairleadError('SignatureInvalid', namesNoRepository);
  }
  const [, named] = /^([^@]*?)(?::[^/:@]*)?(?:@.*)?$/.exec(dockerReference) ?? [];
  if (named !== undefined && repositoryName(named) === repositoryName(repository)) return;
  throw new FairleadError('SignatureInvalid', `it was made for ${quote(dockerReference, 300)}`);
}

function verifyWithKey(
  content: SignedContent,
  { key, publicKey, log }: KeyRequirement,
  { check, counts, affords }: Trial,
): SignedBy | undefined {
  if (content.madeWith !== 'key') {
    throw new FairleadError('SignatureInvalid', 'it was made with a certificate, not with a key');
  }
  if (!verifyBytes(publicKey.key, content.signed, content.signature)) {
    // cosign 3 signs so with such a key, and does not verify that itself.
    const other =
      publicKey.key.asymmetricKeyType === 'ed25519' ? ', or in the variant Ed25519ph, which is not supported' : '';
    throw new FairleadError('SignatureInvalid', `it was not made with this key${other}`);
  }
  check(content);
  const keyFingerprint = publicKey.fingerprint;
  if (!counts({ keyFingerprint })) return undefined;
  if (log !== undefined && !affords()) throw tooMany();
  const entries = log?.root.verifyKey(content, publicKey.key, log.use);
  return { key, keyFingerprint, ...(entries === undefined ? {} : { logIndexes: entries }) };
}

function verifyKeyless(
  content: SignedContent,
  { keyless, log }: KeylessRequirement,
  { check, counts, affords }: Trial,
): SignedBy | undefined {
  if (content.madeWith !== 'certificate') {
    throw new FairleadError('SignatureInvalid', 'it was made with a key, not with a certificate');
  }
  const certificate = log.root.claimedIdentity(content);
  const problem = identityProblem(certificate, keyless);
  if (problem !== undefined) throw new FairleadError('SignatureInvalid', problem);
  check(content);
  if (!counts({ certificate })) return undefined;
  if (!affords()) throw tooMany();
  return log.root.verifyCertificate(content, log.use);
}

function tooMany(): FairleadError {
  return new FairleadError('SignatureInvalid', `${mostVerifications} others by the same name were tried before it`);
}

function attempt<T>(make: () => T): Attempt<T> {
  try {
    return { value: make() };
  } catch (error) {
    if (error instanceof FairleadError && error.kind === 'SignatureInvalid') return { reason: error.message };
    throw error;
  }
}

/** How messages call an alternative. */
export function describeAlternative(alternative: Alternative): string {
  return alternative.keyless !== undefined ? describeIdentity(alternative.keyless) : `key ${alternative.key}`;
}
