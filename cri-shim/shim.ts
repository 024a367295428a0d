import { release } from 'node:os';
import { isAbsolute, normalize } from 'node:path/posix';
import { FairleadError, toFairleadError } from '#lib/errors';
import { requireTrustedPath } from '#lib/files/trusted-path';
import { type DecisionLog, openDecisionLog } from '#lib/node/pull/decision-log';
import { openStore } from '#lib/node/store/store';
import { type MachineArchitecture, machineArchitecture } from '#lib/profile/seccomp/tables/architecture';
import { shorten } from '#lib/text/quote';
import { followPolicy, type PolicySource } from '#lib/trust/policy/follow-policy';
import { type CriClient, criClient } from '../lib/cri/client.ts';
import { runtimeCaller } from '../lib/cri/runtime-call.ts';
import { RuntimeConnection } from '../lib/cri/runtime-connection.ts';
import { profileApplier } from './apply/apply-profile.ts';
import { artifactSource } from './apply/artifact-source.ts';
import { openCredentialProviders, type ProviderOptions } from './apply/credential-providers.ts';
import { RuntimeBaseline } from './baseline/runtime-baseline.ts';
import { calledFor } from './calls/called-for.ts';
import { handleCreateContainer } from './calls/create-container.ts';
import { handleList } from './calls/list-security-profile-artifacts.ts';
import { handlePull } from './calls/pull-security-profile-artifact.ts';
import { handleRemove } from './calls/remove-security-profile-artifact.ts';
import { handleRunPodSandbox } from './calls/run-pod-sandbox.ts';
import { handleStatus } from './calls/status.ts';
import { greetRuntime } from './greet-runtime.ts';
import { tidier } from './housekeeping/tidy.ts';
import { useRecorder } from './housekeeping/uses.ts';
import { startProxy } from './proxy/proxy.ts';
import { parseSocketAddress, requireTwoSockets } from './proxy/socket.ts';
import type { UnaryHandler } from './proxy/unary-call.ts';
import { type MetricsServer, noMetrics, serveMetrics } from './report/metrics.ts';
import type { ShimLog } from './report/shim-log.ts';

export interface ShimOptions extends ProviderOptions {
  /** Socket to listen on, `unix:///run/fairlead/shim.sock`. */
  readonly listen: string;
  /** The runtime's socket, `unix:///run/containerd/containerd.sock`. */
  readonly runtime: string;
  /** The trust policy's file. */
  readonly policy: string;
  /** Directory of the node's store. */
  readonly state: string;
  /** The kubelet's directory for seccomp profiles, `<kubelet's root>/seccomp`. */
  readonly seccompRoot?: string;
  /** Where to serve metrics, `host:port`; nowhere unless told. */
  readonly metrics?: string;
  /**
   * File to which every decision about an artifact is appended as a line of JSON; none unless told.
   */
  readonly decisionLog?: string;
  readonly log: ShimLog;
}

export interface Shim {
  /** Where metrics are served: `host:port`. */
  readonly metrics?: string;
  /** Reads the policy again, as SIGHUP should. */
  reload(): Promise<void>;
  /** Lets the calls that run end, removes the socket, gives the state directory back. */
  stop(): Promise<void>;
}

/** Characters of one text in the log. */
const longestText = 4096;

const kubeletSeccompRoot = '/var/lib/kubelet/seccomp';

/**
 * Starts the shim between kubelet and container runtime. Throws InvalidInput if the policy, the
 * credential providers or a socket address is invalid, if both addresses are the same socket, or if
 * other users can change the policy, the state directory, the decision log, the credential
 * providers or the directory of a socket. Throws Conflict if another shim uses the socket or the
 * state directory.
 */
export async function startShim(options: ShimOptions): Promise<Shim> {
  const { log } = options;
  const listen = parseSocketAddress(options.listen);
  const runtime = parseSocketAddress(options.runtime);
  const seccompRoot = checkRoot(options.seccompRoot ?? kubeletSeccompRoot);
  const undo: (() => Promise<void> | void)[] = [];
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    await requireTwoSockets(listen, runtime);
    let server: MetricsServer | undefined;
    if (options.metrics !== undefined) {
      server = await serveMetrics(options.metrics);
      undo.push(server.stop);
    }
    const metrics = server ?? noMetrics;
    const decisions = await openDecisions(options);
    const providers = await openCredentialProviders(options, process.env);
    const policy = await followPolicy(options.policy, {
      log,
      onRead: metrics.policyInForce,
      checkPath: requireTrustedPath,
    });
    undo.push(policy.stop);
    await requireTrustedPath(options.state);
    const store = await openStore(options.state, {
      log: (message) => log.warn({ messageId: 'fairlead.store.repaired' }, message),
    });
    undo.push(() => store.close());
    const cri = criClient(runtimeCaller(runtime));
    const { grown, stop: stopTidying } = tidier(store, cri, log);
    undo.push(stopTidying);
    const architecture = machineArchitecture(process.arch);
    const connection = new RuntimeConnection(runtime);
    undo.push(() => connection.close());
    const runtimeBaseline = new RuntimeBaseline({
      connection,
      architecture,
      kernel: release(),
      log,
      clock: () => performance.now(),
    });
    undo.push(() => runtimeBaseline.stop());
    const handlers = handlersOf({
      ...{ store, policy, seccompRoot, cri, grown, log, metrics, decisions, providers },
      ...{ architecture, runtimeBaseline },
    });
    const proxy = await startProxy({
      listen,
      runtime,
      handlers,
      onError: (called, thrown, request) => {
        const error = toFairleadError(thrown);
        // Clients may call anything: what the shim does not know shares one time series.
        const method = handlers.has(called) ? called : 'other';
        metrics.refused(method, error.kind);
        const { pod, container } = calledFor(called, request);
        log.warn(
          {
            messageId: 'fairlead.profile.refused',
            ...(pod === undefined ? {} : { pod: shorten(pod, longestText) }),
            ...(container === undefined ? {} : { container: shorten(container, longestText) }),
            method,
            kind: error.kind,
            ...(error.hint === undefined ? {} : { hint: shorten(error.hint, longestText) }),
          },
          shorten(error.message, longestText),
        );
      },
    });
    undo.push(proxy.stop);
    log.info({ listen, runtime, state: options.state, policy: policy.current.source }, 'the shim is ready');
    undo.push(greetRuntime(cri, options.runtime, log));
    return { ...(server === undefined ? {} : { metrics: server.address }), reload: policy.reload, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Parts {
  readonly store: Awaited<ReturnType<typeof openStore>>;
  readonly policy: PolicySource;
  readonly seccompRoot: string;
  readonly cri: CriClient;
  readonly grown: () => void;
  readonly architecture: MachineArchitecture;
  readonly runtimeBaseline: RuntimeBaseline;
  readonly log: ShimLog;
  readonly metrics: typeof noMetrics;
  readonly decisions: DecisionLog | undefined;
  readonly providers: Awaited<ReturnType<typeof openCredentialProviders>>;
}

/** The calls that the shim knows; all others pass. */
function handlersOf({
  store,
  policy,
  seccompRoot,
  cri,
  grown,
  architecture,
  runtimeBaseline,
  log,
  metrics,
  decisions,
  providers,
}: Parts): Map<string, UnaryHandler> {
  const source = artifactSource(store, () => policy.current, {
    env: process.env,
    metrics,
    decisions,
    grown,
    providers,
  });
  const apply = profileApplier(source, { architecture, runtimeBaseline, log, metrics, grown });
  const creation = { seccompRoot, recordUse: useRecorder(store, log), runtimeBaseline };
  const [runPodSandbox, createContainer] = [
    handleRunPodSandbox(apply, creation),
    handleCreateContainer(apply, creation),
  ];
  return new Map([
    ['runtime.v1.RuntimeService/Status', handleStatus],
    ['runtime.v1.RuntimeService/RunPodSandbox', runPodSandbox],
    ['runtime.v1.RuntimeService/CreateContainer', createContainer],
    // containerd 1.6 and 1.7 still serve what kubelets before 1.23 speak; these messages are the
    // same there.
    ['runtime.v1alpha2.RuntimeService/RunPodSandbox', runPodSandbox],
    ['runtime.v1alpha2.RuntimeService/CreateContainer', createContainer],
    ['runtime.v1.ImageService/PullSecurityProfileArtifact', handlePull(source)],
    ['runtime.v1.ImageService/ListSecurityProfileArtifacts', handleList(store)],
    ['runtime.v1.ImageService/RemoveSecurityProfileArtifact', handleRemove(store, cri)],
  ]);
}

async function openDecisions({ decisionLog, log }: ShimOptions): Promise<DecisionLog | undefined> {
  if (decisionLog === undefined) return undefined;
  // It is appended to as the shim's user, mostly root: a link would lead to any file.
  await requireTrustedPath(decisionLog);
  return openDecisionLog(decisionLog, {
    now: () => new Date(),
    onError: ({ message, cause }, decision) =>
      log.error({ messageId: 'fairlead.decision-log.broken', err: cause, decision }, message),
  });
}

function checkRoot(path: string): string {
  const clean = normalize(path).replace(/\/$/, '');
  if (!isAbsolute(path) || clean === '') {
    throw new FairleadError('InvalidInput', `the seccomp root ${JSON.stringify(path)} is not an absolute path`, {
      hint: `Give the kubelet's directory for seccomp profiles, such as ${kubeletSeccompRoot}.`,
    });
  }
  return clean;
}
