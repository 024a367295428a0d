import { LRUCache } from 'lru-cache';
import { FairleadError, toFairleadError } from '#lib/errors';
import { findProfiles } from '#lib/node/find/find-profiles';
import type { PullPolicy } from '#lib/node/pull/pull-dependencies';
import { PullLimiter } from '#lib/node/pull/pull-limiter';
import { PullMemory } from '#lib/node/pull/pull-memory';
import { pullInForce } from '#lib/node/pull/pull-profile';
import { resolveTag } from '#lib/node/pull/pull-shared';
import type { PulledProfile } from '#lib/node/pull/pulled-profile';
import type { RuntimeKind } from '#lib/profile/profile';
import type { CredentialSource } from '#lib/registry/credentials/credentials';
import { type PinnedReference, parsePinned } from '#lib/registry/pinned-reference';
import { formatReference, formatRepository, parseReference, type Reference } from '#lib/registry/reference';
import { registryName } from '#lib/registry/registry-name';
import type { ReadTarget } from '#lib/registry/target';
import { authorize } from '#lib/trust/policy/authorize';
import type { HeldSignature } from '#lib/trust/signature/signature';
import type {
  ArtifactCheck,
  ArtifactIdentity,
  ArtifactSigner,
  FoundArtifact,
  Refusal,
  VerifiedArtifact,
} from './check.ts';
import { type Comparison, compareProfiles } from './compare-profiles.ts';
import { refusalOf } from './refusal-of.ts';
import type { ArtifactSpec } from './stored-artifact.ts';

/** What artifacts are checked with. */
export interface CheckerDependencies {
  /** The policy in force. Throws Unavailable if it is not known. */
  readonly policy: () => PullPolicy;
  /**
   * Returns the repository of a reference, with the given credentials, or those of the operator.
   */
  readonly connect: (
    reference: Reference,
    credentials: CredentialSource | undefined,
  ) => ReadTarget | Promise<ReadTarget>;
}

/** What is to be found out about an artifact. */
export interface CheckRequest {
  readonly spec: ArtifactSpec;
  /** The artifact in force. */
  readonly inForce: VerifiedArtifact | undefined;
  /** What was in force last and was withdrawn, if nothing is in force. */
  readonly withdrawn?: ArtifactIdentity | undefined;
  /** Whether the artifact in force is verified again. */
  readonly verify: boolean;
  /** Whether the registry is asked for what the specification names. */
  readonly resolve: boolean;
  /** With which the registry is asked; by default, those of the operator. */
  readonly credentials?: { readonly source: CredentialSource; readonly name: string } | undefined;
}

/** Milliseconds that a check may take. Others wait for its turn. */
const checkWithin = 30_000;
/** Registries that are remembered for not answering, and for how many milliseconds. */
const silence = { max: 1000, ttl: 30_000 };
/** Bytes of artifacts that are remembered, with the credentials of the operator. */
const memoryBytes = 8 * 1024 * 1024;
/** Other credentials for which artifacts are remembered, and bytes for each. */
const others = { most: 16, bytes: 1024 * 1024 };
const signersLimit = 10;

/** Why a comparison is not possible, if that does not pass. */
const lasting: readonly string[] = ['NotFound', 'NotAllowed', 'SignatureInvalid', 'ProfileInvalid'];

interface Pull {
  readonly kind: RuntimeKind;
  readonly signal: AbortSignal;
  readonly memory: PullMemory;
  readonly connect: (reference: Reference) => Promise<ReadTarget>;
}

/**
 * Finds out which artifact a registry has for an object, and whether the trust policy allows it, as
 * nodes do. All checks together are bounded, and those of the same artifact share one pull.
 */
export class ArtifactChecker {
  readonly #dependencies: CheckerDependencies;
  readonly #limiter = new PullLimiter();
  readonly #memory = new PullMemory({ sameCredentials: true, bytes: memoryBytes });
  /** Apart for each other Secret: what one may read, another may not. */
  readonly #memories = new LRUCache<string, PullMemory>({ max: others.most });
  /**
   * Why registries have not answered: thousands of objects would wait for it one after the other,
   * and all other objects with them.
   */
  readonly #silent = new LRUCache<string, FairleadError>(silence);

  constructor(dependencies: CheckerDependencies) {
    this.#dependencies = dependencies;
  }

  /** Checks an artifact. What cannot be found out is in the result, as the reason. */
  async check(request: CheckRequest, signal: AbortSignal): Promise<ArtifactCheck> {
    const { verify, resolve, inForce, withdrawn } = request;
    let revision: string;
    try {
      ({ revision } = this.#dependencies.policy());
    } catch (thrown) {
      const refusal = refusalOf(toFairleadError(thrown));
      return { policy: undefined, ...(inForce && { inForce: refusal }), found: refusal };
    }
    const pull = this.#pullOf(request, AbortSignal.any([signal, AbortSignal.timeout(checkWithin)]));
    return {
      policy: revision,
      ...(verify && inForce && { inForce: await this.#verified(inForce, pull) }),
      ...(withdrawn && { withdrawn: await this.#verified(withdrawn, pull) }),
      ...(resolve && { found: await this.#found(request, pull) }),
    };
  }

  #pullOf({ spec, credentials }: CheckRequest, signal: AbortSignal): Pull {
    const { connect } = this.#dependencies;
    const memory = credentials === undefined ? this.#memory : this.#memoryOf(credentials.name);
    return {
      kind: spec.kind,
      signal,
      memory,
      connect: async (reference) => connect(reference, credentials?.source),
    };
  }

  #memoryOf(name: string): PullMemory {
    const held = this.#memories.get(name) ?? new PullMemory({ sameCredentials: true, bytes: others.bytes });
    this.#memories.set(name, held);
    return held;
  }

  async #verified(one: ArtifactIdentity, pull: Pull): Promise<VerifiedArtifact | Refusal> {
    const reference = parsePinned(one.reference);
    try {
      return verifiedOf(await this.#unlessSilent(reference, pull, () => this.#pull(reference, pull)));
    } catch (thrown) {
      return refusalOf(toFairleadError(thrown), one.digest);
    }
  }

  async #found({ spec, inForce, withdrawn }: CheckRequest, pull: Pull): Promise<FoundArtifact | Refusal> {
    const before = inForce ?? withdrawn;
    let digest: string | undefined;
    const find = async (name: Reference): Promise<FoundArtifact> => {
      const resolved = spec.image === undefined ? await this.#resolve(name, pull) : undefined;
      digest = resolved?.reference.digest;
      const pulled =
        resolved === undefined
          ? await this.#attached(parsePinned(spec.image ?? ''), pull)
          : await this.#pull(resolved.reference, { ...pull, connect: resolved.connect });
      const found = verifiedOf(pulled);
      if (before === undefined || before.digest === found.digest) return found;
      return { ...found, comparison: await this.#compare(before, pulled, pull) };
    };
    try {
      const name = parseReference(spec.image ?? spec.reference ?? '');
      return await this.#unlessSilent(name, pull, () => find(name));
    } catch (thrown) {
      return refusalOf(toFairleadError(thrown), digest);
    }
  }

  /**
   * Asks a registry, unless it has not answered just before. Throws Unavailable in that case, and
   * if it does not answer in time.
   */
  async #unlessSilent<T>({ registry }: Reference, { signal }: Pull, ask: () => Promise<T>): Promise<T> {
    const silent = this.#silent.get(registry);
    if (silent !== undefined) throw silent;
    try {
      return await ask();
    } catch (thrown) {
      const late = `${registry} has not answered within ${checkWithin / 1000} s`;
      const error = signal.aborted ? new FairleadError('Unavailable', late, { cause: thrown }) : thrown;
      if (error instanceof FairleadError && error.kind === 'Unavailable') this.#silent.set(registry, error);
      throw error;
    }
  }

  /**
   * Returns what a reference stands for now. Throws NotAllowed, before anything is requested, if no
   * rule of the policy is for its repository, and what the registry's client throws.
   */
  async #resolve(
    reference: Reference,
    { kind, connect, memory, signal }: Pull,
  ): Promise<{ readonly reference: PinnedReference; readonly connect: Pull['connect'] }> {
    const { digest } = reference;
    if (digest !== undefined) return { reference: { ...reference, digest }, connect };
    authorize(this.#dependencies.policy(), reference, kind);
    const { descriptor, target } = await resolveTag(reference, { connect, memory, signal });
    return { reference: { ...reference, digest: descriptor.digest }, connect: async () => target };
  }

  async #pull(reference: PinnedReference, { kind, ...pull }: Pull): Promise<PulledProfile> {
    return await pullInForce({ reference, kind }, this.#dependencies.policy, { ...pull, limiter: this.#limiter });
  }

  /**
   * Returns the newest profile of the wanted kind that is attached to an image and that the policy
   * in force allows. Throws NotFound if none is attached, and why the first one is refused if all
   * are.
   */
  async #attached(image: PinnedReference, { kind, connect, signal }: Pull): Promise<PulledProfile> {
    const turn = await this.#limiter.begin(registryName(image.registry), signal);
    try {
      for (;;) {
        const policy = this.#dependencies.policy();
        const metered = async (reference: Reference) => turn.meter(await connect(reference));
        const { profiles, refused } = await findProfiles({ image }, { policy, connect: metered, signal });
        if (this.#dependencies.policy().revision !== policy.revision) continue;
        const newest = profiles.find((each) => each.kind === kind);
        if (newest !== undefined) return { ...newest.pulled, reference: newest.reference };
        if (refused[0] !== undefined) throw refused[0].error;
        throw new FairleadError('NotFound', `no ${kind} profile is attached to ${formatReference(image)}`, {
          hint: `Attach one with: fairlead push --subject ${formatReference(image)}`,
        });
      }
    } finally {
      turn.end();
    }
  }

  /**
   * Compares a profile with the one in force last, which is pulled again unless it is remembered.
   * If it is not there any more, or not accepted, the result states so. Throws failures that may
   * pass.
   */
  async #compare(last: ArtifactIdentity, { profile }: PulledProfile, pull: Pull): Promise<Comparison> {
    let before: PulledProfile;
    try {
      before = await this.#pull(parsePinned(last.reference), pull);
    } catch (thrown) {
      const { kind, summary } = toFairleadError(thrown);
      if (!lasting.includes(kind)) throw thrown;
      return { problem: summary };
    }
    return compareProfiles(before.profile, profile);
  }
}

function verifiedOf({ reference, descriptor, profile, artifact, verification }: PulledProfile): VerifiedArtifact {
  return {
    reference: `${formatRepository(reference)}@${descriptor.digest}`,
    digest: descriptor.digest,
    kind: profile.kind,
    size: artifact.layer.descriptor.size,
    signers: verification.signatures.slice(0, signersLimit).map(signerOf),
    rule: verification.rule,
  };
}

function signerOf({ key, certificate, logIndexes = [] }: HeldSignature): ArtifactSigner {
  const [logIndex] = logIndexes;
  return {
    ...(key !== undefined && { key }),
    ...(certificate && { identity: certificate.identity, issuer: certificate.issuer }),
    ...(logIndex !== undefined && { logIndex }),
  };
}
