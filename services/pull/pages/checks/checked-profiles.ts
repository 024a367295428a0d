import { basename } from 'node:path';
import { LRUCache } from 'lru-cache';
import type { Turns } from '#lib/concurrency/turns';
import type { Decisions } from '#lib/node/pull/decision-log';
import { pullAnyKind } from '#lib/node/pull/pull-any-kind';
import { PullLimiter } from '#lib/node/pull/pull-limiter';
import { PullMemory } from '#lib/node/pull/pull-memory';
import { pullInForce } from '#lib/node/pull/pull-profile';
import type { PulledProfile } from '#lib/node/pull/pulled-profile';
import type { RuntimeKind } from '#lib/profile/profile';
import type { Digest } from '#lib/registry/digest';
import { formatRepository, type Reference } from '#lib/registry/reference';
import { repositoryName } from '#lib/registry/registry-name';
import type { ReadTarget } from '#lib/registry/target';
import type { Policy } from '#lib/trust/policy/node-policy';
import type { HeldSignature } from '#lib/trust/signature/signature';
import type { VerifiedHere } from '../site/verified-here.ts';

/** What CheckedProfiles works with. */
export interface CheckDependencies {
  /** The trust policy in force: for what it does not allow, no registry is asked. */
  readonly policy: { readonly current: Policy };
  readonly connect: (reference: Reference) => ReadTarget;
  readonly turns?: Turns;
  /** The outcome of every check is written here. */
  readonly decisions?: Decisions | undefined;
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
  /** By revision and digest. */
  readonly #verified = new LRUCache<string, VerifiedHere>({ max: rememberedChecks });
  /** What a tag named when it was last resolved, by its reference. */
  readonly #tags = new LRUCache<string, { readonly digest: Digest; readonly kind: RuntimeKind }>({
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
    const { policy, connect, turns, decisions } = this.#dependencies;
    const known = kind ?? this.#tags.get(nameOf(reference))?.kind;
    const options = { connect, signal };
    const pulled =
      known === undefined
        ? { ...(await pullAnyKind(reference, { ...options, policy: policy.current })), policy: policy.current }
        : await pullInForce({ reference, kind: known }, () => policy.current, {
            ...options,
            memory: this.#memory,
            limiter: this.#limiter,
            ...(turns !== undefined && { turns }),
            decisions,
          });
    return this.#remember(reference, pulled);
  }

  /**
   * Returns what a tag named when it was last resolved, if that was verified under the policy in
   * force and is remembered. No registry is asked.
   */
  async last(reference: Reference, signal: AbortSignal): Promise<CheckedProfile | undefined> {
    const last = this.#tags.get(nameOf(reference));
    if (last === undefined || this.verificationOf(last.digest) === undefined) return undefined;
    const { digest, kind } = last;
    return this.check({ ...reference, digest }, kind, signal);
  }

  /** Returns what this site has verified under the policy in force. */
  verificationOf(digest: Digest): VerifiedHere | undefined {
    return this.#verified.get(`${this.#dependencies.policy.current.revision} ${digest}`);
  }

  #remember(reference: Reference, { policy, ...pulled }: PulledProfile & { readonly policy: Policy }): CheckedProfile {
    const { digest } = pulled.descriptor;
    const key = `${policy.revision} ${digest}`;
    const before = pulled.cached ? this.#verified.get(key) : undefined;
    const verified = before ?? { signer: signerOf(pulled.verification.signatures), time: new Date() };
    this.#verified.set(key, verified);
    this.#tags.set(nameOf(reference), { digest, kind: pulled.profile.kind });
    return { pulled, time: verified.time };
  }
}

/** A registry in another spelling is the same one. */
function nameOf(reference: Reference): string {
  const { tag, digest } = reference;
  return `${repositoryName(formatRepository(reference))} ${digest ?? tag ?? ''}`;
}

function signerOf([first]: readonly HeldSignature[]): string {
  if (first === undefined) return 'no signature required';
  return first.key === undefined ? first.certificate.identity : `key ${basename(first.key)}`;
}
