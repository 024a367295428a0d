import type { Store } from '#lib/node/store/store';
import type { ArtifactSource } from './apply/artifact-source.ts';
import { type CreateContainerDependencies, createContainer } from './calls/create-container.ts';
import { listSecurityProfileArtifacts } from './calls/list-security-profile-artifacts.ts';
import { pullSecurityProfileArtifact } from './calls/pull-security-profile-artifact.ts';
import { removeSecurityProfileArtifact } from './calls/remove-security-profile-artifact.ts';
import { runPodSandbox } from './calls/run-pod-sandbox.ts';
import { status } from './calls/status.ts';
import type { RuntimeLists } from './housekeeping/uses.ts';
import type { UnaryHandler } from './proxy/unary-call.ts';

/** The dependencies of the calls that the shim handles. */
export interface CallDependencies extends CreateContainerDependencies {
  readonly source: ArtifactSource;
  readonly store: Store;
  readonly cri: RuntimeLists;
}

/** Returns the handlers by full method name. All other calls pass unchanged. */
export function callHandlers(dependencies: CallDependencies): ReadonlyMap<string, UnaryHandler> {
  const container: UnaryHandler = (call) => createContainer(call, dependencies);
  const sandbox: UnaryHandler = (call) => runPodSandbox(call, dependencies);
  return new Map([
    ['runtime.v1.RuntimeService/Status', status],
    ['runtime.v1.RuntimeService/RunPodSandbox', sandbox],
    ['runtime.v1.RuntimeService/CreateContainer', container],
    // containerd 1.6 and 1.7 also serve the service of kubelets before 1.23. These messages are the
    // same in it.
    ['runtime.v1alpha2.RuntimeService/RunPodSandbox', sandbox],
    ['runtime.v1alpha2.RuntimeService/CreateContainer', container],
    ['runtime.v1.ImageService/PullSecurityProfileArtifact', (call) => pullSecurityProfileArtifact(call, dependencies)],
    ['runtime.v1.ImageService/ListSecurityProfileArtifacts', () => listSecurityProfileArtifacts(dependencies)],
    [
      'runtime.v1.ImageService/RemoveSecurityProfileArtifact',
      (call) => removeSecurityProfileArtifact(call, dependencies),
    ],
  ]);
}
