import type { Decisions } from '#lib/node/pull/decision-log';
import { PullLimiter } from '#lib/node/pull/pull-limiter';
import { PullMemory } from '#lib/node/pull/pull-memory';
import { pullInForce } from '#lib/node/pull/pull-profile';
import type { PulledProfile, PullRequest } from '#lib/node/pull/pulled-profile';
import type { Store } from '#lib/node/store/store';
import { type AuthConfig, authConfigCredentials, type CredentialSource } from '#lib/registry/credentials/credentials';
import type { PinnedReference } from '#lib/registry/pinned-reference';
import type { Reference } from '#lib/registry/reference';
import type { ReadTarget } from '#lib/registry/target';
import type { Policy } from '#lib/trust/policy/node-policy';
import type { Tidier } from '../housekeeping/tidy.ts';
import type { ShimMetrics } from '../report/metrics.ts';

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
}

/**
 * Pulls verified artifacts for the shim with the registry configuration of this node. Uses the
 * credentials of the call, or else of the kubelet's providers, or else of the node.
 */
export class ArtifactSource {
  readonly #dependencies: ArtifactSourceDependencies;
  readonly #memory = new PullMemory();
  readonly #limiter = new PullLimiter();

  constructor(dependencies: ArtifactSourceDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Pulls an artifact, or reads it from the store. Verifies it under the policy that is in force
   * when the pull ends, and returns this policy, too. Throws as pullProfile does.
   */
  async pull(
    request: PullRequest & { readonly reference: PinnedReference },
    { auth, signal }: { readonly auth?: AuthConfig | undefined; readonly signal: AbortSignal },
  ): Promise<PulledProfile & { readonly policy: Policy }> {
    const { store, policy, decisions, tidier, metrics } = this.#dependencies;
    const begun = performance.now();
    const pulled = await pullInForce(request, () => policy.current, {
      connect: (to) => this.#connect(to, auth),
      store,
      memory: this.#memory,
      limiter: this.#limiter,
      signal,
      decisions,
    });
    if (!pulled.cached) tidier.grown();
    metrics.pulled(pulled.cached, (performance.now() - begun) / 1000);
    return pulled;
  }

  /** Reports whether a policy that was returned with a pull is still in force. */
  isInForce({ revision }: Policy): boolean {
    return this.#dependencies.policy.current.revision === revision;
  }

  async #connect(to: Reference, auth: AuthConfig | undefined): Promise<ReadTarget> {
    const { env, providers } = this.#dependencies;
    // Loaded with the first pull, so that an idle shim needs less memory.
    const [{ remoteRepository }, { machineOptions }, { firstCredentials, registryCredentials }] = await Promise.all([
      import('#lib/registry/remote/repository'),
      import('#lib/registry/remote/machine-options'),
      import('#lib/registry/credentials/find-credentials'),
    ]);
    const own = auth === undefined ? undefined : authConfigCredentials(auth, to.registry);
    // Read for each pull: a `docker login` takes effect with the next one.
    const node = firstCredentials([...(providers === undefined ? [] : [providers]), registryCredentials(env)]);
    return remoteRepository(to, { ...machineOptions(env), credentials: own ?? node });
  }
}
