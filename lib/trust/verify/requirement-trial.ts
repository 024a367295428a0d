import { FairleadError } from '#lib/errors';
import { type Alternative, describeAlternative, type Requirement } from '../policy/policy.ts';
import type { SignedContent } from '../signature/read/signed-content.ts';
import type { HeldSignature, Signature, SignedBy } from '../signature/signature.ts';
import { type Attempt, attempt } from './attempt.ts';
import type { Examined, RefusedSignature } from './examined.ts';
import { type ContentCheck, type SignerName, type Trial, verifySignature } from './verify-signature.ts';

/**
 * The most certificates and log entries that are verified for a requirement. Anyone with write
 * access to the repository can add invalid copies of a good signature, which take 10 ms each.
 */
const maxVerifications = 256;

/** A signature, and its content or why it is malformed. */
export interface OpenedSignature {
  readonly signature: Signature;
  readonly content: Attempt<SignedContent>;
}

/** Verifies signatures against one requirement, until enough different signers meet it. */
export class RequirementTrial implements Trial {
  readonly checkContent: ContentCheck;
  readonly #alternatives: readonly Alternative[];
  readonly #threshold: number;
  /** By signer: who signs twice, or is in the policy under two names, counts once. */
  readonly #held = new Map<string, HeldSignature>();
  readonly #refused: RefusedSignature[] = [];
  #verificationsLeft = maxVerifications;

  /** `checkContent` checks what was signed. */
  constructor({ anyOf, threshold = 1 }: Requirement, checkContent: ContentCheck) {
    this.#alternatives = anyOf;
    this.#threshold = threshold;
    this.checkContent = checkContent;
  }

  /** Verifies the signatures with each alternative. */
  run(opened: readonly OpenedSignature[]): Examined {
    for (const alternative of this.#alternatives) {
      for (const each of opened) {
        if (this.#held.size >= this.#threshold) break;
        this.#verify(each, alternative);
      }
    }
    return {
      wanted: this.#alternatives.map(describeAlternative),
      threshold: this.#threshold,
      held: [...this.#held.values()],
      refused: this.#refused,
    };
  }

  isNeeded(signer: SignerName): boolean {
    return !this.#held.has(keyOf(signer));
  }

  countVerification(): void {
    if (this.#verificationsLeft-- > 0) return;
    throw new FairleadError(
      'SignatureInvalid',
      `it was not verified: ${maxVerifications} others in the name of this signer were verified before it`,
    );
  }

  #verify({ signature: { format, manifest }, content }: OpenedSignature, alternative: Alternative): void {
    const signedBy = 'value' in content ? attempt(() => verifySignature(content.value, alternative, this)) : content;
    if ('reason' in signedBy) {
      this.#refused.push({ format, manifest, wanted: describeAlternative(alternative), reason: signedBy.reason });
    } else if (signedBy.value !== undefined) {
      this.#held.set(keyOf(signedBy.value), { format, manifest, ...signedBy.value });
    }
  }
}

/**
 * By what signers are told apart. The same name is one signer, whichever issuer certified it and in
 * upper or lower case, and so is a workflow, whatever branch or tag it ran for: who may push one
 * may push two.
 */
function keyOf({ keyFingerprint, certificate }: Pick<SignedBy, 'keyFingerprint' | 'certificate'>): string {
  return JSON.stringify(keyFingerprint ?? [certificate?.identity.toLowerCase().replace(/@refs\/.*$/, '')]);
}
