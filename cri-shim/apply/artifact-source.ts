import type { DecisionLog } from '#lib/node/pull/decision-log';
import { PullLimiter } from '#lib/node/pull/pull-limiter';
import { PullMemory } from '#lib/node/pull/pull-memory';
import { pullInForce } from '#lib/node/pull/pull-profile';
import type { PulledProfile } from '#lib/node/pull/pulled-profile';
import type { Store } from '#lib/node/store/store';
import type { RuntimeKind } from '#lib/profile/profile';
import { type AuthConfig, authConfigCredentials, type CredentialSource } from '#lib/registry/credentials/credentials';
import type { PinnedReference } from '#lib/registry/pinned-reference';
import type { Reference } from '#lib/registry/reference';
import type { ReadTarget } from '#lib/registry/target';
import type { Policy } from '#lib/trust/policy/node-policy';
import type { ShimMetrics } from '../report/metrics.ts';

/** Where the shim's handlers get verified artifacts from. */
export interface ArtifactSource {
  readonly store: Store;
  /**
   * Pulls an artifact, or takes it from the store; verified either way under the policy that is in
   * force when that is done, which comes with it.
   */
  pull(
    reference: PinnedReference,
    kind: RuntimeKind,
    options: { readonly auth?: AuthConfig | undefined; readonly signal: AbortSignal },
  ): Promise<PulledProfile & { readonly policy: Policy }>;
  /** Whether a policy that came with a pull is in force still. */
  isInForce(policy: Policy): boolean;
}

export interface SourceSurroundings {
  readonly env: NodeJS.ProcessEnv;
  readonly metrics: ShimMetrics;
  readonly decisions: DecisionLog | undefined;
  /** Told that something was put into the store. */
  readonly grown: () => void;
  /** The kubelet's credential providers, where it has some. */
  readonly providers?: CredentialSource | undefined;
}

/**
 * Pulls go to the artifact's registry as the node reaches it, with the credentials of the call,
 * else with those of the kubelet's providers, else with the node's own.
 */
export function artifactSource(
  store: Store,
  policy: () => Policy,
  { env, metrics, decisions, grown, providers }: SourceSurroundings,
): ArtifactSource {
  const memory = new PullMemory();
  const limiter = new PullLimiter();
  return {
    store,
    isInForce: ({ revision }) => policy().revision === revision,
    async pull(reference, kind, { auth, signal }) {
      const connect = async (to: Reference): Promise<ReadTarget> => {
        // With the first pull, not before: an idle shim stays small.
        const [{ remoteRepository }, { machineOptions }, { firstCredentials, registryCredentials }] = await Promise.all(
          [
            import('#lib/registry/remote/repository'),
            import('#lib/registry/remote/machine-options'),
            import('#lib/registry/credentials/find-credentials'),
          ],
        );
        const own = auth === undefined ? undefined : authConfigCredentials(auth, to.registry);
        // Made for each pull: what `docker login` changes counts from then on.
        const node = firstCredentials([...(providers === undefined ? [] : [providers]), registryCredentials(env)]);
        return remoteRepository(to, { ...machineOptions(env), credentials: own ?? node });
      };
      const begun = performance.now();
      const pulled = await pullInForce({ reference, kind }, policy, {
        connect,
        store,
        memory,
        limiter,
        signal,
        decisions,
      });
      if (!pulled.cached) grown();
      metrics.pulled(pulled.cached, (performance.now() - begun) / 1000);
      return pulled;
    },
  };
}
