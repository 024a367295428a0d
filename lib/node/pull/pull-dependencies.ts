import type { Reference } from '#lib/registry/reference';
import type { ReadTarget } from '#lib/registry/target';
import type { NodePolicy } from '#lib/trust/policy/node-policy';
import type { TrustPolicy } from '#lib/trust/policy/policy';
import type { Turns } from '../../concurrency/turns.ts';
import type { Store } from '../store/store.ts';
import type { Decisions } from './decision-log.ts';
import type { PullLimiter } from './pull-limiter.ts';
import type { PullMemory } from './pull-memory.ts';
import type { RegistryFailures } from './registry-failures.ts';

/** What decides about a pull: who may publish what, and how much of it is accepted. */
export type PullPolicy = TrustPolicy & Pick<NodePolicy, 'limits' | 'verifyCredentials'>;

/** What a pull works with. */
export interface PullDependencies {
  readonly policy: PullPolicy;
  /** Returns the repository of a reference; called only after the policy has allowed it. */
  readonly connect: (reference: Reference) => ReadTarget | Promise<ReadTarget>;
  readonly store?: Store;
  /**
   * Identifies whose credentials `connect` uses, if callers with different ones share the store:
   * what is stored is then given only to those to whom the registry would give it. `nodeCaller`
   * for the credentials of the node, and Store.identify for others.
   */
  readonly caller?: string;
  /** True if the caller may have what is stored from this repository: the registry is not asked. */
  readonly admitted?: boolean;
  /** Has the content read from the store and validated, even if the memory holds it. */
  readonly anew?: boolean;
  /** For a caller that pulls again and again, beside its store. */
  readonly memory?: PullMemory;
  /** For a caller that makes many pulls at the same time. */
  readonly limiter?: PullLimiter;
  /** For a caller that must not wait for a registry that is down with every pull. */
  readonly failures?: RegistryFailures;
  readonly signal?: AbortSignal;
  /** Records the decision about the pull. */
  readonly decisions?: Decisions | undefined;
  /**
   * Makes requests and the parsing of profiles take turns, in a process that answers other callers
   * meanwhile.
   */
  readonly turns?: Turns;
}
