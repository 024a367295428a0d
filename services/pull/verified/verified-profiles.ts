import { basename } from 'node:path';
import { LRUCache } from 'lru-cache';
import { profileContent } from '#lib/artifact/profile-content';
import type { Turns } from '#lib/concurrency/turns';
import { type FoundProfiles, findProfiles } from '#lib/node/find/find-profiles';
import type { DecidedRequest, Decisions } from '#lib/node/pull/decision-log';
import { authorizeAnyKind, resolveProfileManifest } from '#lib/node/pull/pull-any-kind';
import { PullLimiter } from '#lib/node/pull/pull-limiter';
import { PullMemory, type ResolvedTag } from '#lib/node/pull/pull-memory';
import { pullProfile } from '#lib/node/pull/pull-profile';
import { resolveTag } from '#lib/node/pull/pull-shared';
import type { PulledProfile, PullRequest } from '#lib/node/pull/pulled-profile';
import type { Digest } from '#lib/registry/digest';
import type { PinnedReference } from '#lib/registry/pinned-reference';
import { formatRepository, type Reference, tagOrDigestOf } from '#lib/registry/reference';
import { registryName, repositoryName } from '#lib/registry/registry-name';
import type { ReadTarget } from '#lib/registry/target';
import { authorize, type RepositoryName } from '#lib/trust/policy/authorize';
import type { PolicySource } from '#lib/trust/policy/follow-policy';
import type { Policy } from '#lib/trust/policy/node-policy';
import { RememberedArtifacts } from './remembered-artifacts.ts';
import { RememberedProfiles } from './remembered-profiles.ts';
import { Verifications, type Verified } from './verifications.ts';
import type { VerifiedArtifact, VerifiedProfile } from './verified-profile.ts';
import { WorkBound } from './work-bound.ts';

/** What VerifiedProfiles works with. */
export interface VerifiedProfilesDependencies {
  /** Only profiles that this policy allows are found. For others, no registry is asked. */
  readonly policy: Pick<PolicySource, 'current'>;
  readonly connect: (reference: Reference) => ReadTarget;
  /** The outcome of every request is written here. */
  readonly decisions?: Decisions | undefined;
  readonly turns: Turns;
}

/** What was decided about, as far as it is recorded. */
type Decided = Pick<VerifiedProfile, 'descriptor' | 'kind' | 'verification'>;

/** Tags whose last digest is remembered. */
const rememberedTags = 20_000;

interface Found<T> {
  readonly profile: T;
  /** True if no registry was asked for more than the digest of the tag. */
  readonly cached: boolean;
}

/**
 * The profiles that the policy in force allows. By digest, the registry is asked once for each
 * revision of the policy; by tag, once for each request, or for all that come while it answers.
 */
export class VerifiedProfiles {
  readonly #dependencies: VerifiedProfilesDependencies;
  readonly #remembered = new RememberedProfiles();
  readonly #artifacts = new RememberedArtifacts();
  readonly #memory = new PullMemory({ sameCredentials: true });
  readonly #limiter = new PullLimiter();
  readonly #work = new WorkBound();
  readonly #verifications = new Verifications();
  /** The digest of each tag when what it named was verified last. */
  readonly #lastDigests = new LRUCache<string, Digest>({ max: rememberedTags });

  constructor(dependencies: VerifiedProfilesDependencies) {
    this.#dependencies = dependencies;
  }

  /** The revision of the policy in force. */
  get revision(): string {
    return this.#dependencies.policy.current.revision;
  }

  /** Whether the outcome of every request is written somewhere. */
  get areRecorded(): boolean {
    return this.#dependencies.decisions !== undefined;
  }

  /**
   * Returns a profile under the policy that is in force when this resolves: what the policy has
   * come to forbid while a registry answered is refused. Rejects as pullProfile does, and with
   * Unavailable if too many requests wait for registries already.
   */
  find(request: PullRequest, signal: AbortSignal): Promise<VerifiedProfile> {
    return this.#inForce(request, (policy) => this.#findUnder(policy, request, signal));
  }

  /**
   * Returns the artifact of a profile of any kind that the policy allows, with all of its bytes.
   * Rejects as find does.
   */
  findArtifact(reference: Reference, signal: AbortSignal): Promise<VerifiedArtifact> {
    return this.#inForce({ reference }, (policy) => this.#findArtifactUnder(policy, reference, signal));
  }

  /**
   * Returns what a tag named when that was verified last, if it is remembered under the policy in
   * force. No registry is asked.
   */
  async lastArtifact(reference: Reference, signal: AbortSignal): Promise<VerifiedArtifact | undefined> {
    const digest = this.#lastDigests.get(tagName(reference));
    if (digest === undefined) return undefined;
    const pinned = { ...reference, digest };
    return this.#artifacts.recall(this.revision, pinned) && this.findArtifact(pinned, signal);
  }

  /**
   * Returns the last verification of an artifact under the policy in force; undefined if it was not
   * verified.
   */
  verificationOf(repository: RepositoryName, digest: Digest): Verified | undefined {
    return this.#verifications.of(this.revision, repository, digest);
  }

  /**
   * Returns the profiles that are attached to a container image, under the policy that is in force
   * when this resolves. Rejects as findProfiles does, and as find does if too many requests wait.
   */
  async findAttached(image: Reference, signal: AbortSignal): Promise<FoundProfiles> {
    const { policy: followed, turns, decisions } = this.#dependencies;
    for (;;) {
      const policy = followed.current;
      authorizeAnyKind(policy, image);
      const found = await this.ask(image, signal, (source) =>
        findProfiles({ image }, { policy, connect: () => source, memory: this.#memory, turns, decisions, signal }),
      );
      for (const { reference, pulled } of found.profiles) this.#verifications.note(policy.revision, reference, pulled);
      if (followed.current.revision === policy.revision) return found;
    }
  }

  /**
   * Asks a repository of a registry, within the bounds for all requests that wait for registries.
   * Rejects as `ask` does, and as find does if too many wait.
   */
  async ask<T>(reference: Reference, signal: AbortSignal, ask: (source: ReadTarget) => Promise<T>): Promise<T> {
    const registry = registryName(reference.registry);
    const end = this.#work.begin(registry);
    try {
      const turn = await this.#limiter.begin(registry, signal);
      try {
        return await ask(turn.meter(this.#dependencies.connect(reference)));
      } finally {
        turn.end();
      }
    } finally {
      end();
    }
  }

  /** Returns the artifact of this repository that has a blob, if it was found before. */
  artifactWith(repository: RepositoryName, blob: Digest): VerifiedArtifact | undefined {
    return this.#artifacts.withBlob(this.revision, repository, blob);
  }

  /** Repeats what was decided under a policy that is not in force any more. */
  async #inForce<T extends Decided>(request: DecidedRequest, find: (policy: Policy) => Promise<Found<T>>): Promise<T> {
    const { policy: followed } = this.#dependencies;
    for (;;) {
      const policy = followed.current;
      const found = await this.#recorded(request, policy, find);
      if (followed.current.revision === policy.revision) return found;
    }
  }

  async #recorded<T extends Decided>(
    request: DecidedRequest,
    policy: Policy,
    find: (policy: Policy) => Promise<Found<T>>,
  ): Promise<T> {
    const { decisions } = this.#dependencies;
    let found: Found<T>;
    try {
      found = await find(policy);
    } catch (thrown) {
      await decisions?.refused(request, policy, thrown);
      throw thrown;
    }
    const { profile, cached } = found;
    await decisions?.allowed({ ...request, kind: profile.kind }, policy, { ...profile, cached });
    return profile;
  }

  async #findArtifactUnder(
    policy: Policy,
    reference: Reference,
    signal: AbortSignal,
  ): Promise<Found<VerifiedArtifact>> {
    authorizeAnyKind(policy, reference);
    const { revision } = policy;
    const known = reference.digest && this.#artifacts.recall(revision, { ...reference, digest: reference.digest });
    if (known !== undefined) return { profile: known, cached: true };
    const end = this.#work.begin(registryName(reference.registry));
    try {
      const digest = reference.digest ?? (await this.#resolve(reference, signal)).descriptor.digest;
      const pinned = { ...reference, digest };
      const recalled = this.#artifacts.recall(revision, pinned);
      if (recalled !== undefined) {
        this.#noteDigest(reference, digest);
        return { profile: recalled, cached: true };
      }
      const resolved = await resolveProfileManifest(this.#dependencies.connect(reference), digest, { signal });
      const pulled = await this.#pullPinned(
        policy,
        { reference: pinned, kind: resolved.kind },
        signal,
        resolved.source,
      );
      const { descriptor, profile, artifact, verification, cached, time } = pulled;
      const found = { descriptor, kind: profile.kind, profile, artifact, verification, time, revision };
      this.#artifacts.remember(pinned, found);
      this.#noteDigest(reference, digest);
      return { profile: found, cached };
    } finally {
      end();
    }
  }

  async #findUnder(policy: Policy, request: PullRequest, signal: AbortSignal): Promise<Found<VerifiedProfile>> {
    const { reference, kind } = request;
    authorize(policy, reference, kind);
    const { digest } = reference;
    if (digest !== undefined) {
      const key = { revision: policy.revision, kind, reference, digest };
      const recalled = this.#remembered.recall(key, reference);
      if (recalled !== undefined) return { profile: recalled, cached: true };
    }
    const end = this.#work.begin(registryName(reference.registry));
    try {
      if (digest !== undefined)
        return await this.#pull(policy, { ...request, reference: { ...reference, digest } }, signal);
      return await this.#byTag(policy, request, signal);
    } finally {
      end();
    }
  }

  /** Asks for the digest of the tag each time: the tag may have moved. */
  async #byTag(policy: Policy, { reference, kind }: PullRequest, signal: AbortSignal): Promise<Found<VerifiedProfile>> {
    const { descriptor, target } = await this.#resolve(reference, signal);
    const { digest } = descriptor;
    const recalled = this.#remembered.recall({ revision: policy.revision, kind, reference, digest }, reference);
    if (recalled !== undefined) {
      this.#noteDigest(reference, digest);
      return { profile: recalled, cached: true };
    }
    const { profile, cached } = await this.#pull(policy, { reference: { ...reference, digest }, kind }, signal, target);
    this.#noteDigest(reference, digest);
    return { profile: { ...profile, reference }, cached };
  }

  #noteDigest(reference: Reference, digest: Digest): void {
    if (reference.digest === undefined) this.#lastDigests.set(tagName(reference), digest);
  }

  #resolve(reference: Reference, signal: AbortSignal): Promise<ResolvedTag> {
    tagOrDigestOf(reference);
    const connect = (): ReadTarget => resolvedByHead(this.#dependencies.connect(reference));
    return resolveTag(reference, { connect, memory: this.#memory, signal });
  }

  async #pull(
    policy: Policy,
    request: PullRequest & { readonly reference: PinnedReference },
    signal: AbortSignal,
    target?: ReadTarget,
  ): Promise<Found<VerifiedProfile>> {
    const pulled = await this.#pullPinned(policy, request, signal, target);
    const profile = describe(pulled, policy.revision);
    const { reference, kind } = request;
    const { revision } = policy;
    this.#remembered.remember({ revision, kind, reference, digest: reference.digest }, profile);
    return { profile, cached: pulled.cached };
  }

  async #pullPinned(
    policy: Policy,
    request: PullRequest & { readonly reference: PinnedReference },
    signal: AbortSignal,
    target: ReadTarget | undefined,
  ): Promise<PulledProfile & Pick<Verified, 'time'>> {
    const { connect, turns } = this.#dependencies;
    const pulled = await pullProfile(request, {
      policy,
      connect: (reference) => target ?? connect(reference),
      memory: this.#memory,
      limiter: this.#limiter,
      turns,
      signal,
    });
    const { time } = this.#verifications.note(policy.revision, request.reference, pulled);
    return { ...pulled, time };
  }
}

/** A registry in another spelling is the same one. */
function tagName(reference: Reference): string {
  return `${repositoryName(formatRepository(reference))}:${reference.tag ?? ''}`;
}

/** Returns the same source, which resolves by HEAD: registries do not count that as a pull. */
function resolvedByHead(source: ReadTarget): ReadTarget {
  return {
    resolve: (tagOrDigest, options) => source.resolve(tagOrDigest, options),
    referrers: (subject, options) => source.referrers(subject, options),
    fetch: (descriptor, options) => source.fetch(descriptor, options),
  };
}

function describe(pulled: PulledProfile, revision: string): VerifiedProfile {
  const { reference, descriptor, profile, artifact, verification } = pulled;
  const signatures = verification.signatures.map((signature) =>
    signature.key === undefined ? signature : { ...signature, key: basename(signature.key) },
  );
  const content = 'unresolved' in profile ? undefined : profileContent(artifact);
  const bytes = content && Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  return {
    reference,
    descriptor,
    kind: profile.kind,
    verification: { ...verification, signatures },
    content: () => bytes,
    revision,
  };
}
