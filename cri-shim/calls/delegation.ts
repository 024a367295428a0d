import { criClient } from '#lib/cri/client';
import { type CallRuntime, isUnimplemented } from '#lib/cri/runtime-call';
import type { InstallableKind } from '#lib/node/install/install-profile';
import type { NodePolicy } from '#lib/trust/policy/node-policy';
import type { ShimLog } from '../report/shim-log.ts';
import { securityProfileCalls } from './security-profile-calls.ts';

/** Who resolves profiles of type OCI to effective profiles. */
export interface Resolution {
  readonly resolvedBy: 'runtime' | 'shim';
  /** Why the shim does it. */
  readonly reason?: string;
}

/**
 * The kinds that a runtime with the feature resolves. KEP-6061 adds AppArmor later and does not
 * specify how a runtime reports that, and some runtimes ignore AppArmor profiles silently.
 */
const delegatedKinds: readonly InstallableKind[] = ['Seccomp'];

/** The dependencies of Delegation. */
export interface DelegationDependencies {
  /** `current` is the policy in force. */
  readonly policy: { readonly current: Pick<NodePolicy, 'baseline'> };
  readonly log: Pick<ShimLog, 'info'>;
}

/**
 * Decides whether the runtime resolves profiles of type OCI that the shim has verified (mode
 * `auto`): if the runtime reports the feature of KEP-6061, and the baseline of the policy is the
 * default profile of the runtime, which the runtime intersects with itself. Nothing is remembered
 * of the runtime, because it may be replaced at any time.
 */
export class Delegation {
  readonly #dependencies: DelegationDependencies;
  #logged: string | undefined;

  constructor(dependencies: DelegationDependencies) {
    this.#dependencies = dependencies;
  }

  /** Reports whether a runtime may resolve profiles of a kind. */
  isPossible(kind: InstallableKind): boolean {
    return delegatedKinds.includes(kind);
  }

  /** Returns who resolves profiles now. Rejects as reportsProfileFeature does. */
  async current(call: CallRuntime, signal: AbortSignal): Promise<Resolution> {
    return this.decide(await reportsProfileFeature(call, signal));
  }

  /**
   * Returns who resolves profiles, by a policy, the one in force by default, and by whether the
   * runtime reports the feature. Logs a decision that differs from the one before.
   */
  decide(
    hasFeature: boolean,
    { baseline }: Pick<NodePolicy, 'baseline'> = this.#dependencies.policy.current,
  ): Resolution {
    const resolution = resolve(hasFeature, baseline);
    const { resolvedBy, reason } = resolution;
    const text = `profiles of type OCI are resolved by the ${resolvedBy}${reason === undefined ? '' : `: ${reason}`}`;
    if (this.#logged !== text) {
      this.#logged = text;
      this.#dependencies.log.info({ messageId: 'fairlead.delegation.decided', ...resolution }, text);
    }
    return resolution;
  }
}

function resolve(hasFeature: boolean, { seccomp }: NodePolicy['baseline']): Resolution {
  if (!hasFeature) {
    return { resolvedBy: 'shim', reason: 'the runtime does not report security_profile_oci_artifact' };
  }
  if (seccomp !== 'RuntimeDefault') {
    return { resolvedBy: 'shim', reason: 'the baseline of the policy is a file, and the runtime does not apply it' };
  }
  return { resolvedBy: 'runtime' };
}

/**
 * Reports whether the runtime reports the feature of KEP-6061 in Status. Rejects with Unavailable
 * if the runtime does not answer.
 */
export async function reportsProfileFeature(call: CallRuntime, signal: AbortSignal): Promise<boolean> {
  try {
    const { features } = await criClient(call).status({ verbose: false }, signal);
    return features?.[securityProfileCalls.text.feature] === true;
  } catch (error) {
    if (isUnimplemented(error)) return false;
    throw error;
  }
}
