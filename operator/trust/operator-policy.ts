import { FairleadError } from '#lib/errors';
import type { Trigger } from '#lib/kube/controller';
import type { KubeLog } from '#lib/kube/log';
import type { PolicySource } from '#lib/trust/policy/follow-policy';
import type { Policy } from '#lib/trust/policy/node-policy';

/** The trust policy by which the operator verifies artifacts. */
export interface OperatorPolicy {
  /** The policy in force. Throws Unavailable until it is known. */
  readonly current: Policy;
  /** Whether a file decides, so that no object does. */
  readonly isFile: boolean;
  /** Resolves when the policy is known, or could not be read. */
  settled(): Promise<void>;
  /** Calls `listener` after each change of the policy, until the returned function is called. */
  onChange(listener: () => void): () => void;
  stop(): void;
}

/** Returns a trigger that reconciles all objects of a store again when the policy changes. */
export function policyTrigger(policy: OperatorPolicy, keys: () => Iterable<string>): Trigger {
  return {
    synced: () => policy.settled(),
    onChange: (add) =>
      policy.onChange(() => {
        for (const key of keys()) add(key);
      }),
  };
}

/**
 * Follows the policy of a file, which decides alone. Throws InvalidInput if the policy is invalid.
 */
export async function followPolicyFile(file: string, log: KubeLog): Promise<OperatorPolicy> {
  // Loaded only with a policy: the operator needs less memory without.
  const { followPolicy } = await import('#lib/trust/policy/follow-policy');
  const changes = new Changes();
  let followed: PolicySource | undefined;
  const onRead = (): void => {
    if (followed !== undefined) changes.tell(followed.current.revision);
  };
  followed = await followPolicy(file, { log, onRead });
  const source = followed;
  changes.tell(source.current.revision);
  return {
    get current() {
      return source.current;
    },
    isFile: true,
    settled: async () => undefined,
    onChange: (listener) => changes.add(listener),
    stop: () => source.stop(),
  };
}

/** The policy of the TrustPolicy object, as its controller has read it. */
export class ObjectPolicy implements OperatorPolicy {
  readonly isFile = false;
  readonly #changes = new Changes();
  readonly #settled = Promise.withResolvers<void>();
  #policy: Policy | undefined;
  #problem: FairleadError | undefined;

  get current(): Policy {
    if (this.#policy !== undefined) return this.#policy;
    const because = this.#problem === undefined ? '' : `: ${this.#problem.summary}`;
    throw new FairleadError('Unavailable', `the trust policy is not known yet${because}`, {
      hint: this.#problem?.hint ?? 'See the status of it: kubectl describe trustpolicy default',
    });
  }

  /** The policy in force, if it is known. */
  get known(): Policy | undefined {
    return this.#policy;
  }

  /** Brings a policy into force. */
  set(policy: Policy): void {
    this.#policy = policy;
    this.#changes.tell(policy.revision);
    this.settle();
  }

  /**
   * Ends the waiting for the policy, although it cannot be read now: because of `problem`, if its
   * status does not state why.
   */
  settle(problem?: FairleadError): void {
    this.#problem = problem;
    this.#settled.resolve();
  }

  settled(): Promise<void> {
    return this.#settled.promise;
  }

  onChange(listener: () => void): () => void {
    return this.#changes.add(listener);
  }

  stop(): void {}
}

/** Those who are told of changes of a revision. */
class Changes {
  readonly #listeners = new Set<() => void>();
  #revision: string | undefined;

  add(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(revision: string): void {
    if (revision === this.#revision) return;
    this.#revision = revision;
    for (const listener of this.#listeners) listener();
  }
}
