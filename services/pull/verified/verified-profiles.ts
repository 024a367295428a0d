import { basename } from 'node:path';
import { profileContent } from '#lib/artifact/profile-content';
import type { Turns } from '#lib/concurrency/turns';
import type { Decisions } from '#lib/node/pull/decision-log';
import { PullLimiter } from '#lib/node/pull/pull-limiter';
import { PullMemory } from '#lib/node/pull/pull-memory';
import { pullProfile } from '#lib/node/pull/pull-profile';
import { resolveTag } from '#lib/node/pull/pull-shared';
import type { PulledProfile, PullRequest } from '#lib/node/pull/pulled-profile';
import type { PinnedReference } from '#lib/registry/pinned-reference';
import { type Reference, tagOrDigestOf } from '#lib/registry/reference';
import { registryName } from '#lib/registry/registry-name';
import type { ReadTarget } from '#lib/registry/target';
import { authorize } from '#lib/trust/policy/authorize';
import type { PolicySource } from '#lib/trust/policy/follow-policy';
import type { Policy } from '#lib/trust/policy/node-policy';
import { RememberedProfiles } from './remembered-profiles.ts';
import type { VerifiedProfile } from './verified-profile.ts';
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

/**
 * The profiles that the policy in force allows. By digest, the registry is asked once for each
 * revision of the policy; by tag, once for each request, or for all that come while it answers.
 */
export class VerifiedProfiles {
  readonly #dependencies: VerifiedProfilesDependencies;
  readonly #remembered = new RememberedProfiles();
  readonly #memory = new PullMemory({ sameCredentials: true });
  readonly #limiter = new PullLimiter();
  readonly #work = new WorkBound();

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
  async find(request: PullRequest, signal: AbortSignal): Promise<VerifiedProfile> {
    const { policy: followed } = this.#dependencies;
    for (;;) {
      const policy = followed.current;
      const found = await this.#recorded(request, policy, signal);
      if (followed.current.revision === policy.revision) return found;
    }
  }

  async #recorded(request: PullRequest, policy: Policy, signal: AbortSignal): Promise<VerifiedProfile> {
    const { decisions } = this.#dependencies;
    let found: { readonly profile: VerifiedProfile; readonly cached: boolean };
    try {
      found = await this.#findUnder(policy, request, signal);
    } catch (thrown) {
      await decisions?.refused(request, policy, thrown);
      throw thrown;
    }
    const { profile, cached } = found;
    await decisions?.allowed(request, policy, { ...profile, cached });
    return profile;
  }

  async #findUnder(
    policy: Policy,
    request: PullRequest,
    signal: AbortSignal,
  ): Promise<{ readonly profile: VerifiedProfile; readonly cached: boolean }> {
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
  async #byTag(
    policy: Policy,
    { reference, kind }: PullRequest,
    signal: AbortSignal,
  ): Promise<{ readonly profile: VerifiedProfile; readonly cached: boolean }> {
    tagOrDigestOf(reference);
    const connect = (): ReadTarget => resolvedByHead(this.#dependencies.connect(reference));
    const { descriptor, target } = await resolveTag(reference, { connect, memory: this.#memory, signal });
    const { digest } = descriptor;
    const recalled = this.#remembered.recall({ revision: policy.revision, kind, reference, digest }, reference);
    if (recalled !== undefined) return { profile: recalled, cached: true };
    const { profile, cached } = await this.#pull(policy, { reference: { ...reference, digest }, kind }, signal, target);
    return { profile: { ...profile, reference }, cached };
  }

  async #pull(
    policy: Policy,
    request: PullRequest & { readonly reference: PinnedReference },
    signal: AbortSignal,
    target?: ReadTarget,
  ): Promise<{ readonly profile: VerifiedProfile; readonly cached: boolean }> {
    const { connect, turns } = this.#dependencies;
    const pulled = await pullProfile(request, {
      policy,
      connect: (reference) => target ?? connect(reference),
      memory: this.#memory,
      limiter: this.#limiter,
      turns,
      signal,
    });
    const profile = describe(pulled, policy.revision);
    const { reference, kind } = request;
    const { revision } = policy;
    this.#remembered.remember({ revision, kind, reference, digest: reference.digest }, profile);
    return { profile, cached: pulled.cached };
  }
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
  return {
    reference,
    descriptor,
    kind: profile.kind,
    verification: { ...verification, signatures },
    content: content === undefined ? undefined : Buffer.from(content.buffer, content.byteOffset, content.byteLength),
    revision,
  };
}
