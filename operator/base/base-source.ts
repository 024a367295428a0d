import { LRUCache } from 'lru-cache';
import { FairleadError } from '#lib/errors';
import { PullLimiter } from '#lib/node/pull/pull-limiter';
import { PullMemory } from '#lib/node/pull/pull-memory';
import { pullInForce } from '#lib/node/pull/pull-profile';
import type { PulledProfile } from '#lib/node/pull/pulled-profile';
import { isResolved } from '#lib/profile/resolve-profile';
import { formatReference, type Reference } from '#lib/registry/reference';
import type { ReadTarget } from '#lib/registry/target';
import type { PulledBase } from '../controllers/merge-bases.ts';
import type { OperatorPolicy } from '../trust/operator-policy.ts';

/** What base profiles are pulled with. */
export interface BaseSourceDependencies {
  /** Who may publish base profiles. */
  readonly policy: Pick<OperatorPolicy, 'current'>;
  /** Returns the repository of a reference, with the credentials of the operator. */
  readonly connect: (reference: Reference) => ReadTarget | Promise<ReadTarget>;
  /** Milliseconds that one pull may take; 20,000 by default. */
  readonly pullWithin?: number | undefined;
}

/** Milliseconds that one pull may take. Other profiles wait for it. */
const defaultPullWithin = 20_000;
/** Registries that are remembered for not answering, and for how many milliseconds. */
const silence = { max: 100, ttl: 30_000 };

/** Pulls base profiles from registries as nodes pull artifacts: under a trust policy. */
export class BaseSource {
  readonly #dependencies: BaseSourceDependencies;
  // Thousands of profiles may have the same base.
  readonly #memory = new PullMemory({ sameCredentials: true });
  readonly #limiter = new PullLimiter();
  /**
   * Why registries have not answered: thousands of profiles with a base there would wait one after
   * the other, and all other profiles with them.
   */
  readonly #silent = new LRUCache<string, FairleadError>(silence);

  constructor(dependencies: BaseSourceDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Returns a seccomp profile that the policy allows. Throws ProfileInvalid for a profile that
   * depends on the container, Unavailable if the registry does not answer in time, or has not just
   * before, and as pullProfile does.
   */
  async pull(reference: Reference): Promise<PulledBase> {
    const silent = this.#silent.get(reference.registry);
    if (silent !== undefined) throw silent;
    const { pullWithin = defaultPullWithin } = this.#dependencies;
    const signal = AbortSignal.timeout(pullWithin);
    try {
      return await this.#pull(reference, signal);
    } catch (thrown) {
      const late = `cannot pull ${formatReference(reference)}: no answer within ${pullWithin / 1000} s`;
      const error = signal.aborted ? new FairleadError('Unavailable', late, { cause: thrown }) : thrown;
      if (error instanceof FairleadError && error.kind === 'Unavailable') this.#silent.set(reference.registry, error);
      throw error;
    }
  }

  async #pull(reference: Reference, signal: AbortSignal): Promise<PulledBase> {
    const { policy, connect } = this.#dependencies;
    const request = { reference, kind: 'Seccomp' } as const;
    const { profile, descriptor }: PulledProfile = await pullInForce(request, () => policy.current, {
      connect,
      memory: this.#memory,
      limiter: this.#limiter,
      signal,
    });
    if (!isResolved(profile) || profile.kind !== 'Seccomp') {
      throw new FairleadError(
        'ProfileInvalid',
        `${formatReference(reference)} has conditions on the container, such as its capabilities`,
        { hint: 'Convert it for one container, and publish the result: fairlead convert --to runtime' },
      );
    }
    const { registry, repository } = reference;
    return { profile: profile.seccomp, pinned: `${registry}/${repository}@${descriptor.digest}` };
  }
}
