import { basename } from 'node:path';
import { LRUCache } from 'lru-cache';
import type { Turns } from '#lib/concurrency/turns';
import { FairleadError } from '#lib/errors';
import type { Decisions } from '#lib/node/pull/decision-log';
import { authorizeAnyKind, resolveProfileManifest } from '#lib/node/pull/pull-any-kind';
import { PullLimiter } from '#lib/node/pull/pull-limiter';
import { PullMemory } from '#lib/node/pull/pull-memory';
import { pullInForce } from '#lib/node/pull/pull-profile';
import type { PulledProfile } from '#lib/node/pull/pulled-profile';
import type { RuntimeKind } from '#lib/profile/profile';
import type { Digest } from '#lib/registry/digest';
import { formatRepository, type Reference, tagOrDigestOf } from '#lib/registry/reference';
import { repositoryName } from '#lib/registry/registry-name';
import type { ReadTarget } from '#lib/registry/target';
import type { RepositoryName } from '#lib/trust/policy/authorize';
import type { Policy } from '#lib/trust/policy/node-policy';
import type { HeldSignature } from '#lib/trust/signature/signature';
import type { VerifiedHere } from '../site/verified-here.ts';
import { answerInTime } from './answer-in-time.ts';

/** What CheckedProfiles works with. */
export interface CheckDependencies {
  /** The trust policy in force: for what it does not allow, no registry is asked. */
  readonly policy: { readonly current: Policy };
  readonly connect: (reference: Reference) => ReadTarget;
  readonly turns?: Turns;
  /** The outcome of every check is written here. */
  readonly decisions?: Decisions | undefined;
  /** Milliseconds for one check; see answerInTime for the default. */
  readonly timeout?: number;
}

/** A profile that the policy in force allows. */
export interface CheckedProfile {
  readonly pulled: PulledProfile;
  /** When its signatures were verified. */
  readonly time: Date;
}

/** Bytes of artifacts that are remembered: some hundreds of common profiles. */
const rememberedBytes = 16 * 1024 * 1024;
const rememberedChecks = 20_000;

/**
 * The profiles that pages have checked under the policy in force. By digest, each is verified once
 * for each revision of the policy; a tag is resolved each time.
 */
export class CheckedProfiles {
  readonly #dependencies: CheckDependencies;
  readonly #memory = new PullMemory({ bytes: rememberedBytes, sameCredentials: true });
  readonly #limiter = new PullLimiter();
  /** By revision, repository and digest: each repository may have a rule of its own. */
  readonly #verified = new LRUCache<string, VerifiedHere>({ max: rememberedChecks });
  /** What a tag or digest named when it was last resolved, by its reference. */
  readonly #named = new LRUCache<string, { readonly digest: Digest; readonly kind: RuntimeKind }>({
    max: rememberedChecks,
  });

  constructor(dependencies: CheckDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Verifies a profile under the policy in force, and returns it. Rejects as pullProfile does.
   *
   * @param kind the kind of the profile; its manifest states it if it is not known.
   */
  async check(reference: Reference, kind: RuntimeKind | undefined, signal: AbortSignal): Promise<CheckedProfile> {
    const { timeout } = this.#dependencies;
    return answerInTime({ registry: reference.registry, signal, timeout }, (bounded) =>
      this.#check(reference, kind, bounded),
    );
  }

  async #check(reference: Reference, kind: RuntimeKind | undefined, signal: AbortSignal): Promise<CheckedProfile> {
    const { policy, connect, turns, decisions } = this.#dependencies;
    const known = kind ?? this.#named.get(nameOf(reference))?.kind ?? (await this.#kindOf(reference, signal));
    const pulled = await pullInForce({ reference, kind: known }, () => policy.current, {
      connect,
      memory: this.#memory,
      limiter: this.#limiter,
      ...(turns !== undefined && { turns }),
      decisions,
      signal,
    });
    return this.#remember(reference, pulled);
  }

  /** Returns the kind that the manifest of a profile states. */
  async #kindOf(reference: Reference, signal: AbortSignal): Promise<RuntimeKind> {
    const { policy, connect } = this.#dependencies;
    authorizeAnyKind(policy.current, reference);
    return (await resolveProfileManifest(connect(reference), tagOrDigestOf(reference), { signal })).kind;
  }

  /**
   * Returns what a tag named when it was last resolved, if that was verified under the policy in
   * force and is remembered. No registry is asked.
   */
  async last(reference: Reference, signal: AbortSignal): Promise<CheckedProfile | undefined> {
    const last = this.#named.get(nameOf(reference));
    if (last === undefined || this.verificationOf(reference, last.digest) === undefined) return undefined;
    const { digest, kind } = last;
    try {
      return await this.check({ ...reference, digest }, kind, signal);
    } catch (error) {
      // It is no longer remembered, and the registry was asked.
      if (error instanceof FairleadError && error.kind === 'Unavailable') return undefined;
      throw error;
    }
  }

  /** Returns the verification of what a repository has, under the policy in force. */
  verificationOf(repository: RepositoryName, digest: Digest): VerifiedHere | undefined {
    return this.#verified.get(keyOf(this.#dependencies.policy.current, repository, digest));
  }

  #remember(reference: Reference, { policy, ...pulled }: PulledProfile & { readonly policy: Policy }): CheckedProfile {
    const { digest } = pulled.descriptor;
    const key = keyOf(policy, reference, digest);
    const before = pulled.cached ? this.#verified.get(key) : undefined;
    const verified = before ?? { signer: signerOf(pulled.verification.signatures), time: new Date() };
    this.#verified.set(key, verified);
    const named = { digest, kind: pulled.profile.kind };
    this.#named.set(nameOf(reference), named);
    this.#named.set(nameOf({ ...reference, digest }), named);
    return { pulled, time: verified.time };
  }
}

/** A registry in another spelling is the same one. */
function keyOf({ revision }: Policy, repository: RepositoryName, digest: Digest): string {
  return `${revision} ${repositoryName(formatRepository(repository))}@${digest}`;
}

function nameOf(reference: Reference): string {
  const { tag, digest } = reference;
  return `${repositoryName(formatRepository(reference))} ${digest ?? tag ?? ''}`;
}

function signerOf([first]: readonly HeldSignature[]): string {
  if (first === undefined) return 'no signature required';
  return first.key === undefined ? first.certificate.identity : `key ${basename(first.key)}`;
}
