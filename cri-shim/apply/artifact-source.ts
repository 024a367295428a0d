import { FairleadError } from '#lib/errors';
import type { Decisions } from '#lib/node/pull/decision-log';
import { withinBudget } from '#lib/node/pull/pull-budget';
import { PullLimiter } from '#lib/node/pull/pull-limiter';
import { PullMemory } from '#lib/node/pull/pull-memory';
import { pullInForce } from '#lib/node/pull/pull-profile';
import type { PulledProfile, PullRequest } from '#lib/node/pull/pulled-profile';
import { RegistryFailures } from '#lib/node/pull/registry-failures';
import { nodeCaller } from '#lib/node/store/pull-note';
import type { Store } from '#lib/node/store/store';
import {
  type AuthConfig,
  authConfigCredentials,
  type CredentialSource,
  type Credentials,
} from '#lib/registry/credentials/credentials';
import type { PinnedReference } from '#lib/registry/pinned-reference';
import { formatReference, type Reference } from '#lib/registry/reference';
import type { RemoteOptions } from '#lib/registry/remote/api';
import type { ReadTarget } from '#lib/registry/target';
import type { Policy } from '#lib/trust/policy/node-policy';
import type { Tidier } from '../housekeeping/tidy.ts';
import type { ShimMetrics } from '../report/metrics.ts';
import { forNode } from '../report/node-hint.ts';

/** The dependencies of an artifact source. */
export interface ArtifactSourceDependencies {
  readonly store: Store;
  /** `current` is the policy that is in force. */
  readonly policy: { readonly current: Policy };
  readonly env: NodeJS.ProcessEnv;
  readonly metrics: ShimMetrics;
  readonly tidier: Pick<Tidier, 'grown'>;
  readonly decisions?: Decisions | undefined;
  /** The credential providers of the kubelet, if configured. */
  readonly providers?: CredentialSource | undefined;
  /** Milliseconds that only increase. */
  readonly clock: () => number;
  /** How long a pull may take, in milliseconds. */
  readonly pullTime?: number;
  /** How long a registry may take to connect, and to answer. */
  readonly timeouts?: RemoteOptions['timeouts'];
}

/** Who asks for an artifact, and how. */
export interface ArtifactCall {
  /** The credentials of the call; the node has its own. */
  readonly auth?: AuthConfig | undefined;
  readonly signal: AbortSignal;
  /**
   * True if the kubelet has pulled it for the pod: the registry is not asked again whether the
   * caller may have it.
   */
  readonly admitted?: boolean | undefined;
  /** Has the content read from the store and validated, even if the memory holds it. */
  readonly anew?: boolean;
}

/** How long a pull may take, in milliseconds: a third of what the kubelet waits by default. */
const defaultPullTime = 40_000;
/** Twice an answer fits into it. */
const defaultTimeouts: RemoteOptions['timeouts'] = { connect: 5_000, headers: 10_000, body: 10_000 };

/**
 * Pulls verified artifacts for the shim with the registry configuration of this node. Uses the
 * credentials of the call, or else of the kubelet's providers, or else of the node.
 */
export class ArtifactSource {
  readonly #dependencies: ArtifactSourceDependencies;
  readonly #memory: PullMemory;
  readonly #limiter = new PullLimiter();
  readonly #failures: RegistryFailures;
  readonly #pullTime: number;

  constructor(dependencies: ArtifactSourceDependencies) {
    const { clock, pullTime = defaultPullTime } = dependencies;
    this.#dependencies = dependencies;
    this.#memory = new PullMemory({ longest: pullTime });
    this.#failures = new RegistryFailures(clock);
    this.#pullTime = pullTime;
  }

  /**
   * Pulls an artifact, or reads it from the store. Verifies it under the policy that is in force
   * when the pull ends, and returns this policy, too. Throws as pullProfile does, and Unavailable
   * if all of that takes too long.
   */
  async pull(
    request: PullRequest & { readonly reference: PinnedReference },
    { auth, signal, admitted = false, anew = false }: ArtifactCall,
  ): Promise<PulledProfile & { readonly policy: Policy }> {
    const { store, policy, decisions, tidier, metrics, clock } = this.#dependencies;
    const begun = clock();
    const own = auth === undefined ? undefined : authConfigCredentials(auth, request.reference.registry);
    const caller = own === undefined ? nodeCaller : store.identify(JSON.stringify(own));
    const pulled = await withinBudget(formatReference(request.reference), this.#pullTime, signal, (signal) =>
      pullInForce(request, () => policy.current, {
        connect: (to) => this.#connect(to, own),
        ...{ store, decisions, signal, anew, caller, admitted },
        ...{ memory: this.#memory, limiter: this.#limiter, failures: this.#failures },
      }),
    ).catch((error: unknown) => {
      throw error instanceof FairleadError ? forNode(error) : error;
    });
    if (!pulled.cached) tidier.grown();
    metrics.pulled(pulled.cached, (clock() - begun) / 1000);
    return pulled;
  }

  /** Reports whether a policy that was returned with a pull is still in force. */
  isInForce({ revision }: Policy): boolean {
    return this.#dependencies.policy.current.revision === revision;
  }

  async #connect(to: Reference, own: Credentials | undefined): Promise<ReadTarget> {
    const { env, providers, timeouts = defaultTimeouts } = this.#dependencies;
    // Loaded with the first pull, so that an idle shim needs less memory.
    const [{ remoteRepository }, { machineOptions }, { firstCredentials, registryCredentials }] = await Promise.all([
      import('#lib/registry/remote/repository'),
      import('#lib/registry/remote/machine-options'),
      import('#lib/registry/credentials/find-credentials'),
    ]);
    // Read for each pull: a `docker login` takes effect with the next one.
    const node = firstCredentials([...(providers === undefined ? [] : [providers]), registryCredentials(env)]);
    return remoteRepository(to, { ...machineOptions(env), timeouts, credentials: own ?? node });
  }
}
