import { Informer } from '#lib/kube/informer';
import type { KubeLog } from '#lib/kube/log';
import type { KubeMetrics } from '#lib/kube/metrics';
import type { ObjectClient } from '#lib/kube/object-client';
import type { Resource } from '#lib/kube/resource';
import { artifactKey } from '../api/profile-reference.ts';
import type { OperatorPolicy } from '../trust/operator-policy.ts';
import { runTrustPolicyController } from '../trust/trust-policy-controller.ts';
import { ArtifactChecker, type CheckerDependencies } from './artifact-checker.ts';
import { type ArtifactControllerOptions, type ArtifactInformer, runArtifactController } from './artifact-controller.ts';
import { parseStoredArtifact, type StoredArtifact } from './stored-artifact.ts';

export interface ArtifactControllersOptions
  extends Pick<ArtifactControllerOptions, 'artifactMetrics' | 'decisions' | 'fieldManager' | 'namespace' | 'report'> {
  readonly client: ObjectClient;
  /** The policy by which artifacts are verified: of a file, or of the TrustPolicy object. */
  readonly policy: OperatorPolicy;
  /** Returns the repository of a reference, with credentials. */
  readonly connect: CheckerDependencies['connect'];
  readonly log: KubeLog;
  readonly metrics?: KubeMetrics | undefined;
}

const resourceOf = (kind: string, plural: string, namespaced: boolean): Resource => {
  return { group: 'fairlead.dev', version: 'v1alpha1', plural, kind, namespaced };
};
const resources = [
  resourceOf('ProfileArtifact', 'profileartifacts', true),
  resourceOf('ClusterProfileArtifact', 'clusterprofileartifacts', false),
];

const indexes = {
  artifact: ({ status: { reference } }: StoredArtifact) => (reference === undefined ? [] : [artifactKey(reference)]),
};

/**
 * Runs the controllers of trust policies and artifacts until `signal` aborts, and resolves when no
 * request is open any more. One replica at a time may run them.
 */
export async function runArtifactControllers(options: ArtifactControllersOptions, signal: AbortSignal): Promise<void> {
  const { policy, connect } = options;
  const checker = new ArtifactChecker({ policy: () => policy.current, connect });
  const informers = resources.map(
    (resource): ArtifactInformer => new Informer({ ...options, resource, parse: parseStoredArtifact, indexes }),
  );
  for (const informer of informers) informer.start();
  await Promise.all([
    runTrustPolicyController(options, signal),
    ...informers.map((informer) => runArtifactController({ ...options, informer, checker }, signal)),
  ]);
  await Promise.all(informers.map((informer) => informer.stop()));
}
