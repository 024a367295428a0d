import { release } from 'node:os';
import { dirname, isAbsolute, normalize } from 'node:path/posix';
import { criClient } from '#lib/cri/client';
import { runtimeCaller } from '#lib/cri/runtime-call';
import { RuntimeConnection } from '#lib/cri/runtime-connection';
import { FairleadError, toFairleadError } from '#lib/errors';
import { requireTrustedPath } from '#lib/files/trusted-path';
import { inheritedSocket } from '#lib/http/inherited-socket';
import { InstalledAppArmor } from '#lib/node/install/apparmor/installed-profiles';
import { loadedProfiles } from '#lib/node/install/apparmor/loaded-profiles';
import { LsmClient } from '#lib/node/install/apparmor/lsm-client';
import { isInstallable } from '#lib/node/install/install-profile';
import { type DecisionLog, openDecisionLog } from '#lib/node/pull/decision-log';
import { openStore, type Store } from '#lib/node/store/store';
import { machineArchitecture } from '#lib/profile/seccomp/tables/architecture';
import { followPolicy, type PolicySource } from '#lib/trust/policy/follow-policy';
import { type AdminDependencies, serveAdmin } from './admin/admin-server.ts';
import { pullForNode } from './admin/pull-for-node.ts';
import { ArtifactSource } from './apply/artifact-source.ts';
import { openCredentialProviders, type ProviderOptions } from './apply/credential-providers.ts';
import { EffectiveMemory } from './apply/effective-memory.ts';
import { RuntimeBaseline } from './baseline/runtime-baseline.ts';
import { type CallDependencies, callHandlers } from './call-handlers.ts';
import { calledFor } from './calls/called-for.ts';
import { Delegation, type Resolution } from './calls/delegation.ts';
import { type Prepulled, prepull, readPrepullFile } from './housekeeping/prepull.ts';
import { Tidier } from './housekeeping/tidy.ts';
import { nodeDefaults } from './node-defaults.ts';
import { type ProxyOptions, startProxy } from './proxy/proxy.ts';
import { parseSocketAddress, requireTwoSockets } from './proxy/socket.ts';
import { Readiness } from './readiness/readiness.ts';
import { untilReady } from './readiness/until-ready.ts';
import { watchReadiness } from './readiness/watch-readiness.ts';
import { type BuildVersion, type MetricsServer, noMetrics, type ShimMetrics, serveMetrics } from './report/metrics.ts';
import { Recent } from './report/recent.ts';
import { reportAbandonment, reportRefusal } from './report/report-call.ts';
import type { ShimLog } from './report/shim-log.ts';
import { ServiceManager } from './service-manager/service-manager.ts';
import { startWatchdog } from './service-manager/watchdog.ts';

/** The configuration of a shim. */
export interface ShimOptions extends ProviderOptions {
  /** Socket to listen on, `unix:///run/fairlead/shim.sock`. */
  readonly listen: string;
  /** The runtime's socket, `unix:///run/containerd/containerd.sock`. */
  readonly runtime: string;
  /** File of the trust policy. */
  readonly policy: string;
  /** Starts without a policy file, and denies everything until there is one. */
  readonly policyOptional?: boolean;
  /** State directory, with the store of the node. */
  readonly state: string;
  /** Socket of `fairlead lsm`, which loads AppArmor profiles. */
  readonly lsm?: string;
  /** The kubelet's directory for seccomp profiles, `<kubelet's root>/seccomp`. */
  readonly seccompRoot?: string;
  /** Address to serve metrics on, `host:port`; none by default. */
  readonly metrics?: string;
  /** Socket for administrators, `unix:///run/fairlead/admin.sock`; none by default. */
  readonly admin?: string;
  /** File of artifacts to pull before a pod names them; see readPrepullFile. */
  readonly prepull?: string;
  /**
   * File to which every decision about an artifact is appended as a line of JSON; none by default.
   */
  readonly decisionLog?: string;
  /** Serves the calls of KEP-6061 also by names that no released proto has. */
  readonly previewKep6061?: boolean;
  /** Who resolves profiles of type OCI; `shim` by default. */
  readonly mode?: ShimMode;
  readonly log: ShimLog;
  /** What the shim was built from, for those who ask it. */
  readonly build: BuildVersion;
}

/**
 * Who resolves profiles of type OCI to effective profiles: always the shim, or the runtime if it
 * reports that it does, see Delegation.
 */
export type ShimMode = 'shim' | 'auto';

/** A call that the shim itself answers, by which its watchdog verifies that it answers calls. */
const ping = 'dev.fairlead.v1.Shim/Ping';

/** The calls of CRI that last until their client ends them. */
const endlessCalls: ReadonlySet<string> = new Set(['runtime.v1.RuntimeService/GetContainerEvents']);

/**
 * Starts a shim between kubelet and container runtime. Throws InvalidInput if the policy does not
 * exist or is invalid, if the credential providers or a socket address are invalid, if both
 * addresses are the same socket, or if other users can change the policy, the state directory, the
 * decision log, the credential providers or the directory of a socket. Throws Conflict if another
 * shim uses the socket or the state directory.
 */
export async function startShim(options: ShimOptions): Promise<Shim> {
  const shim = new Shim(options);
  try {
    await shim.start();
    return shim;
  } catch (error) {
    await shim.stop();
    throw error;
  }
}

/** A shim between kubelet and container runtime; see {@link startShim}. */
export class Shim {
  readonly #options: ShimOptions;
  /** The steps that stop the started parts, to run in reverse order. */
  readonly #undo: (() => Promise<void> | void)[] = [];
  #server: MetricsServer | undefined;
  #policy: PolicySource | undefined;
  #readiness: Readiness | undefined;
  readonly #recent = new Recent(() => new Date());
  readonly #startedAt = new Date();
  readonly #serviceManager: ServiceManager;

  constructor(options: ShimOptions) {
    this.#options = options;
    this.#serviceManager = new ServiceManager({ env: process.env, pid: process.pid, log: options.log });
  }

  /** The address of the metrics, `host:port`; undefined without metrics. */
  get metrics(): string | undefined {
    return this.#server?.address;
  }

  /** Reads the policy again, for SIGHUP. */
  async reload(): Promise<void> {
    await this.#serviceManager.reload(async () => this.#policy?.reload());
  }

  /** Waits for running calls, removes the socket, and releases the state directory. */
  async stop(): Promise<void> {
    const told = this.#serviceManager.stopping();
    for (const step of this.#undo.splice(0).reverse()) await step();
    await told;
  }

  /**
   * Starts all parts. Call it once. Throws as startShim; stop() then ends the parts that started.
   */
  async start(): Promise<void> {
    const { log, state, policyOptional = false } = this.#options;
    const listen = parseSocketAddress(this.#options.listen);
    const runtime = parseSocketAddress(this.#options.runtime);
    const seccompRoot = checkRoot(this.#options.seccompRoot ?? nodeDefaults.seccompRoot);
    await requireTwoSockets(listen, runtime);
    const { prepull: prepullFile } = this.#options;
    const wanted = prepullFile === undefined ? [] : await readPrepullFile(prepullFile, isInstallable);
    const metrics = await this.#serveMetrics();
    const decisions = await this.#openDecisions();
    const providers = await openCredentialProviders(this.#options, process.env);
    const policy = await this.#followPolicy(metrics);
    const store = await this.#openStore();
    const cri = criClient(runtimeCaller(runtime));
    const clock = () => performance.now();
    const appArmor = new InstalledAppArmor({
      loader: new LsmClient(this.#options.lsm && parseSocketAddress(this.#options.lsm)),
      loaded: loadedProfiles,
      clock,
    });
    const tidier = new Tidier({ store, appArmor, runtime: cri, log });
    this.#undo.push(() => tidier.stop());
    const source = new ArtifactSource({
      ...{ store, policy, env: process.env, metrics, tidier, decisions, providers, clock },
    });
    const architecture = machineArchitecture(process.arch);
    const delegation = this.#options.mode === 'auto' ? new Delegation({ policy, log }) : undefined;
    const runtimeBaseline = this.#connectBaseline(runtime);
    const inherited = inheritedSocket(process.env, process.pid);
    await this.#startProxy(
      { listen, inherited, runtime },
      {
        install: { seccomp: store.effective, appArmor },
        memory: new EffectiveMemory(),
        ...{ source, store, policy, tidier, architecture, runtimeBaseline, seccompRoot, log, metrics, delegation },
        now: () => new Date(),
        preview: this.#options.previewKep6061 ?? false,
      },
    );
    const { source: policyFile } = policy.current;
    const by = inherited === undefined ? 'the shim is listening' : 'the shim is listening on the socket of systemd';
    log.info({ listen, runtime, state, policy: policyFile }, by);
    const readiness = new Readiness({ runtime: cri, policy, policyOptional, state, clock });
    this.#readiness = readiness;
    const resolution = async (signal: AbortSignal): Promise<Resolution> =>
      (await delegation?.current(runtimeCaller(runtime), signal)) ?? { resolvedBy: 'shim' };
    await this.#serveAdmin({
      ...{ readiness, resolution, policy, store, state, runtime: cri, runtimeSocket: runtime, source, tidier, log },
      ...{ build: this.#options.build, startedAt: this.#startedAt, now: () => new Date(), recent: this.#recent },
    });
    this.#undo.push(this.#prepull(wanted, source));
    this.#undo.push(this.#announce(readiness, tidier, resolution));
    this.#undo.push(
      startWatchdog({
        serviceManager: this.#serviceManager,
        callItself: (signal) => runtimeCaller(listen)(ping, new Uint8Array(), signal),
        log,
      }),
      watchReadiness({ readiness, log }),
    );
  }

  /**
   * Reports the shim as ready when it is, and then begins to verify the state directory. Returns a
   * function that stops waiting for that.
   */
  #announce(
    readiness: Readiness,
    tidier: Tidier,
    resolution: (signal: AbortSignal) => Promise<unknown>,
  ): () => Promise<void> {
    const { log, runtime } = this.#options;
    const stopping = new AbortController();
    const announced = untilReady(readiness, runtime, log, stopping.signal).then(
      async () => {
        const { name: runtimeName, version: runtimeVersion } = readiness.runtimeVersion ?? {};
        log.info({ runtime, runtimeName, runtimeVersion }, 'the shim is ready');
        tidier.verify();
        await this.#serviceManager.ready();
        // Logs who resolves profiles. If the runtime does not answer, the next call logs it.
        await resolution(stopping.signal).catch(() => undefined);
      },
      (error: unknown) => {
        if (!stopping.signal.aborted) log.error({ err: error }, 'cannot find out whether the shim is ready');
      },
    );
    return () => {
      stopping.abort();
      return announced;
    };
  }

  async #serveAdmin(dependencies: AdminDependencies): Promise<void> {
    if (this.#options.admin === undefined) return;
    const path = parseSocketAddress(this.#options.admin);
    await requireTrustedPath(dirname(path));
    this.#undo.push(await serveAdmin(path, dependencies));
  }

  /** Pulls artifacts in the background. Returns a function that ends that. */
  #prepull(wanted: readonly Prepulled[], source: ArtifactSource): () => Promise<void> {
    const stopping = new AbortController();
    const { log } = this.#options;
    const pulled = prepull(wanted, {
      pull: (each, signal) => pullForNode(each, source, signal),
      ...{ log, signal: stopping.signal },
    });
    return () => {
      stopping.abort();
      return pulled;
    };
  }

  async #serveMetrics(): Promise<ShimMetrics> {
    if (this.#options.metrics === undefined) return noMetrics;
    const problems = async (): Promise<Record<string, string | undefined>> => {
      const checks = (await this.#readiness?.check()) ?? [{ name: 'start', problem: 'the shim is starting' }];
      return Object.fromEntries(checks.map(({ name, problem }) => [name, problem]));
    };
    const server = await serveMetrics(this.#options.metrics, { build: this.#options.build, problems });
    this.#undo.push(() => server.stop());
    this.#server = server;
    return server;
  }

  async #openDecisions(): Promise<DecisionLog | undefined> {
    const { decisionLog, log } = this.#options;
    if (decisionLog === undefined) return undefined;
    // The shim appends to it as its user, normally root: a link could lead to any file.
    await requireTrustedPath(decisionLog);
    return openDecisionLog(decisionLog, {
      now: () => new Date(),
      onError: ({ message, cause }, decision) =>
        log.error({ messageId: 'fairlead.decision-log.broken', err: cause, decision }, message),
    });
  }

  async #followPolicy(metrics: ShimMetrics): Promise<PolicySource> {
    const { policy: file, log } = this.#options;
    const policy = await followPolicy(file, { log, onRead: metrics.policyInForce, checkPath: requireTrustedPath });
    this.#undo.push(() => policy.stop());
    if (policy.current.missing && this.#options.policyOptional !== true) throw missingPolicy(file);
    this.#policy = policy;
    return policy;
  }

  async #openStore(): Promise<Store> {
    const { state, log } = this.#options;
    await requireTrustedPath(state);
    const store = await openStore(state, {
      log: (message) => log.warn({ messageId: 'fairlead.store.repaired' }, message),
    });
    this.#undo.push(() => store.close());
    return store;
  }

  #connectBaseline(runtime: string): RuntimeBaseline {
    const connection = new RuntimeConnection(runtime);
    this.#undo.push(() => connection.close());
    const baseline = new RuntimeBaseline({
      connection,
      architecture: machineArchitecture(process.arch),
      kernel: release(),
      log: this.#options.log,
      clock: () => performance.now(),
    });
    this.#undo.push(() => baseline.stop());
    return baseline;
  }

  async #startProxy(
    sockets: Pick<ProxyOptions, 'listen' | 'inherited' | 'runtime'>,
    dependencies: CallDependencies,
  ): Promise<void> {
    const handlers = new Map([...callHandlers(dependencies), [ping, async () => ({ answer: new Uint8Array() })]]);
    const proxy = await startProxy({
      ...sockets,
      handlers,
      endless: endlessCalls,
      onError: (called, thrown, request) => {
        // Clients may call any method: those that the shim does not handle share one time series.
        const method = handlers.has(called) ? called : 'other';
        reportRefusal(method, calledFor(called, request), toFairleadError(thrown), {
          ...dependencies,
          recent: this.#recent,
        });
      },
      onAbandoned: (method, cause, request) =>
        reportAbandonment(method, calledFor(method, request), cause, dependencies),
    });
    this.#undo.push(() => proxy.stop());
  }
}

function missingPolicy(file: string): FairleadError {
  return new FairleadError('InvalidInput', `the policy ${file} does not exist`, {
    hint: 'Create the file, or correct its path (`policy`). To start without it and deny everything, set `policyOptional`.',
  });
}

function checkRoot(path: string): string {
  const clean = normalize(path).replace(/\/$/, '');
  if (!isAbsolute(path) || clean === '') {
    throw new FairleadError('InvalidInput', `the seccomp root ${JSON.stringify(path)} is not an absolute path`, {
      hint: `Specify the kubelet's directory for seccomp profiles, such as ${nodeDefaults.seccompRoot}.`,
    });
  }
  return clean;
}
