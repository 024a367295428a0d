import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Registry } from 'prom-client';
import { type ErrorKind, errorMapping } from '#lib/errors';
import { boundedServer } from '#lib/http/bounded-server';
import { NewcomersRefused } from '#lib/http/connections/newcomers-refused';
import { formatListenAddress, listen, parseListenAddress } from '#lib/http/listen-address';
import type { ProfileMode } from '#lib/profile/constraint';

/** What the shim counts. */
export interface ShimMetrics {
  /** Counts a successful pull and its duration. */
  pulled(cached: boolean, seconds: number): void;
  /** Counts a call that the shim refused. */
  refused(method: string, kind: ErrorKind): void;
  /** Counts a call that ended without an answer while the shim handled it. */
  abandoned(method: string, cause: string): void;
  /** Counts a profile that was installed for a container or sandbox, in its mode. */
  applied(mode: ProfileMode | undefined): void;
  /** Counts a profile of a container or sandbox that the runtime resolves. */
  delegated(): void;
  /** Counts a profile of an artifact that was constrained. */
  constrainedMerge(): void;
  /** Counts the dimensions in which an input constrained the profile of an artifact. */
  constrained(input: string, count: number): void;
  /** Counts a container with annotations for an artifact that are not applied to it. */
  annotationIgnored(): void;
  /** Sets whether the policy files on disk are in force. */
  policyInForce(current: boolean): void;
}

/** Maximum number of connections at a time. */
const connections = { all: 64, ofOneClient: 32, keptForNewClients: 8 };
/** How long a connection may be idle, in milliseconds. */
const longestWait = 10_000;
const times = { head: longestWait, request: longestWait, idle: longestWait, silence: longestWait };

/**
 * The methods whose counters exist from the start, since `increase` of Prometheus does not see the
 * first event of a series that begins with it.
 */
const methodsFromStart = ['runtime.v1.RuntimeService/CreateContainer', 'runtime.v1.RuntimeService/RunPodSandbox'];

/** Counts nothing, for a shim without a metrics address. */
export const noMetrics: ShimMetrics = {
  pulled: () => undefined,
  refused: () => undefined,
  abandoned: () => undefined,
  applied: () => undefined,
  delegated: () => undefined,
  constrainedMerge: () => undefined,
  constrained: () => undefined,
  annotationIgnored: () => undefined,
  policyInForce: () => undefined,
};

/** What the address of the metrics serves besides what the shim counts. */
export interface MetricsServerOptions {
  readonly build: BuildVersion;
  /** Returns the problem of each check by its name; undefined for one without. */
  readonly problems: () => Promise<Readonly<Record<string, string | undefined>>>;
}

/** What the shim was built from. */
export interface BuildVersion {
  readonly version: string;
  /** The Git commit, if it is known. */
  readonly commit?: string;
}

export interface MetricsServer extends ShimMetrics {
  /** Where it listens: `host:port`. */
  readonly address: string;
  stop(): Promise<void>;
}

/**
 * Serves the metrics for Prometheus at `http://<address>/metrics`; port 0 takes a free one. Also
 * serves `/healthz`, which the process answers as long as it runs, and `/readyz`, which answers 503
 * with the name of each failing check if the shim cannot do its work.
 * Loads prom-client, which needs much of the shim's memory, only here. Throws InvalidInput for an
 * invalid address, Unavailable if it cannot listen there.
 */
export async function serveMetrics(address: string, options: MetricsServerOptions): Promise<MetricsServer> {
  const wanted = parseListenAddress(address);
  const { Registry } = await import('prom-client');
  const registry = new Registry();
  const counted = await countIn(registry);
  await describeIn(registry, options);
  const server = metricsServer(registry, options);
  const bound = await listen(server, wanted, 'metrics');
  return {
    ...counted,
    address: formatListenAddress(bound),
    stop() {
      server.closeAllConnections();
      return new Promise((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}

async function countIn(registry: Registry): Promise<ShimMetrics> {
  const { Counter, Gauge, Histogram } = await import('prom-client');
  const registers = [registry];
  const pulls = new Histogram({
    name: 'fairlead_shim_pull_duration_seconds',
    help: 'Duration of successful pulls of profile artifacts.',
    labelNames: ['cached'],
    buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10],
    registers,
  });
  const refusals = new Counter({
    name: 'fairlead_shim_refusals_total',
    help: 'Calls that were refused, by method and kind of error.',
    labelNames: ['method', 'kind'],
    registers,
  });
  for (const method of methodsFromStart) {
    for (const kind of Object.keys(errorMapping)) refusals.inc({ method, kind }, 0);
  }
  const abandoned = new Counter({
    name: 'fairlead_shim_abandoned_calls_total',
    help: 'Calls that ended without an answer, by method and cause: cancelled by the client, or its deadline.',
    labelNames: ['method', 'cause'],
    registers,
  });
  for (const method of methodsFromStart) {
    for (const cause of ['cancelled', 'deadline']) abandoned.inc({ method, cause }, 0);
  }
  const applied = new Counter({
    name: 'fairlead_shim_profiles_applied_total',
    help: 'Effective profiles given to containers and sandboxes, by mode: enforce, or log.',
    labelNames: ['mode'],
    registers,
  });
  const delegated = new Counter({
    name: 'fairlead_shim_profiles_delegated_total',
    help: 'Profiles of containers and sandboxes that were verified and left to the runtime, in mode auto.',
    registers,
  });
  const constrainedMerges = new Counter({
    name: 'fairlead_shim_constrained_merges_total',
    help: 'Profiles of artifacts that the baseline or a base profile constrained.',
    registers,
  });
  const constraints = new Counter({
    name: 'fairlead_shim_constraints_total',
    help: 'Dimensions of artifact profiles that were constrained, by the input that did it.',
    labelNames: ['input'],
    registers,
  });
  const ignored = new Counter({
    name: 'fairlead_shim_ignored_annotations_total',
    help: 'Containers with annotations for an artifact that were not applied, because they specify another seccomp profile.',
    registers,
  });
  for (const mode of ['enforce', 'log']) applied.inc({ mode }, 0);
  const policy = new Gauge({
    name: 'fairlead_shim_policy_in_force',
    help: '1 if the policy file is in force; 0 if it is invalid and an older policy is in force, or if it does not exist and everything is denied.',
    registers,
  });
  return {
    pulled: (cached, seconds) => pulls.observe({ cached: String(cached) }, seconds),
    refused: (method, kind) => refusals.inc({ method, kind }),
    abandoned: (method, cause) => abandoned.inc({ method, cause }),
    applied: (mode) => applied.inc({ mode: mode === undefined ? 'enforce' : 'log' }),
    delegated: () => delegated.inc(),
    constrainedMerge: () => constrainedMerges.inc(),
    constrained: (input, count) => constraints.inc({ input }, count),
    annotationIgnored: () => ignored.inc(),
    policyInForce: (current) => policy.set(current ? 1 : 0),
  };
}

/** Adds what the shim was built from, and the results of its checks. */
async function describeIn(registry: Registry, { build, problems }: MetricsServerOptions): Promise<void> {
  const { Gauge } = await import('prom-client');
  const registers = [registry];
  new Gauge({
    name: 'fairlead_shim_build_info',
    help: '1, with the version and the Git commit of the shim.',
    labelNames: ['version', 'commit'],
    registers,
  }).set({ version: build.version, commit: build.commit ?? '' }, 1);
  new Gauge({
    name: 'fairlead_shim_ready',
    help: '1 if the shim can do this part of its work: runtime, policy or store; 0 if /readyz reports a problem of it.',
    labelNames: ['check'],
    registers,
    async collect() {
      for (const [check, problem] of Object.entries(await problems())) {
        this.set({ check }, problem === undefined ? 1 : 0);
      }
    },
  });
}

/**
 * Creates the server. A client that reaches the address must not exhaust the time, the memory or
 * the file descriptors of the shim, because pods wait for it. A connection has one request at a
 * time.
 */
function metricsServer(registry: Registry, options: MetricsServerOptions): Server {
  const answered = new WeakSet<Socket>();
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const { socket } = request;
    if (answered.has(socket)) return void socket.destroy();
    answered.add(socket);
    response.once('close', () => answered.delete(socket));
    answerTo(request.url, registry, options).then(
      ({ status, type, text }) => response.writeHead(status, { 'content-type': type }).end(text),
      () => response.writeHead(500).end(),
    );
  };
  return boundedServer(handle, { times, connections: new NewcomersRefused(connections) });
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

async function answerTo(
  url: string | undefined,
  registry: Registry,
  { build, problems }: MetricsServerOptions,
): Promise<Answer> {
  const json = (status: number, body: object): Answer => ({
    ...{ status, type: 'application/json' },
    text: `${JSON.stringify(body)}\n`,
  });
  switch (url) {
    case '/metrics':
      return { status: 200, type: registry.contentType, text: await registry.metrics() };
    case '/healthz':
      return json(200, { status: 'ok', ...build });
    case '/readyz': {
      const found = Object.entries(await problems());
      const failing = found.flatMap(([name, problem]) => (problem === undefined ? [] : [{ name, problem }]));
      if (failing.length === 0) return json(200, { status: 'ready', ...build });
      return json(503, { status: 'not ready', ...build, failing });
    }
    default:
      return { status: 404, type: 'text/plain', text: '' };
  }
}
