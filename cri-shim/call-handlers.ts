import type { Store } from '#lib/node/store/store';
import type { ArtifactSource } from './apply/artifact-source.ts';
import type { RuntimeBaseline } from './baseline/runtime-baseline.ts';
import { type CreateContainerDependencies, createContainer } from './calls/create-container.ts';
import { listSecurityProfileArtifacts, listSecurityProfiles } from './calls/list-security-profiles.ts';
import { pullSecurityProfile } from './calls/pull-security-profile.ts';
import { removeSecurityProfile, removeSecurityProfileArtifact } from './calls/remove-security-profile.ts';
import { type RunPodSandboxDependencies, runPodSandbox } from './calls/run-pod-sandbox.ts';
import { securityProfileCalls } from './calls/security-profile-calls.ts';
import { status } from './calls/status.ts';
import type { UnaryHandler } from './proxy/unary-call.ts';

/** The dependencies of the calls that the shim handles. */
export interface CallDependencies extends CreateContainerDependencies, RunPodSandboxDependencies {
  readonly source: ArtifactSource;
  readonly store: Store;
  readonly runtimeBaseline: Pick<RuntimeBaseline, 'hostFor' | 'profileFor' | 'sandboxCreated' | 'watch'>;
  /** Whether to serve the calls of KEP-6061 also by names that are not released. */
  readonly preview: boolean;
}

/** Returns the handlers by full method name. All other calls pass unchanged. */
export function callHandlers(dependencies: CallDependencies): ReadonlyMap<string, UnaryHandler> {
  const { text } = securityProfileCalls;
  const container: UnaryHandler = (call) => createContainer(call, dependencies);
  const sandbox: UnaryHandler = (call) => runPodSandbox(call, dependencies);
  // No runtime resolves profiles of type OCI in the calls of v1alpha2.
  const older = { ...dependencies, delegation: undefined };
  return new Map([
    ['runtime.v1.RuntimeService/Status', status],
    ['runtime.v1.RuntimeService/RunPodSandbox', sandbox],
    ['runtime.v1.RuntimeService/CreateContainer', container],
    // containerd 1.6 and 1.7 also serve the service of kubelets before 1.23. These messages are the
    // same in it.
    ['runtime.v1alpha2.RuntimeService/RunPodSandbox', (call) => runPodSandbox(call, older)],
    ['runtime.v1alpha2.RuntimeService/CreateContainer', (call) => createContainer(call, older)],
    [text.pull.method, (call) => pullSecurityProfile(call, 'text', dependencies)],
    [text.list.method, (call) => listSecurityProfileArtifacts(call, dependencies)],
    [text.remove.method, (call) => removeSecurityProfileArtifact(call, dependencies)],
    ...(dependencies.preview ? previewHandlers(dependencies) : []),
  ]);
}

/** Returns the handlers of the calls of KEP-6061 whose names and numbers are not released. */
function previewHandlers(dependencies: CallDependencies): readonly (readonly [string, UnaryHandler])[] {
  const { preview } = securityProfileCalls;
  return [
    [preview.pull.method, (call) => pullSecurityProfile(call, 'preview', dependencies)],
    [preview.list.method, (call) => listSecurityProfiles(call, dependencies)],
    [preview.remove.method, (call) => removeSecurityProfile(call, dependencies)],
  ];
}
