import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { FastifyBaseLogger } from 'fastify';
import { toFairleadError } from '#lib/errors';
import type { WritableApiServer } from '#lib/kube/api-server';
import { EventRecorder } from '#lib/kube/event-recorder';
import { runAsLeader } from '#lib/kube/leader-election';
import type { KubeMetrics } from '#lib/kube/metrics';
import { ObjectClient, type Term } from '#lib/kube/object-client';
import type { Reference } from '#lib/registry/reference';
import type { ReadTarget } from '#lib/registry/target';
import type { PolicySource } from '#lib/trust/policy/follow-policy';
import { profilesGroup } from '../api/shared/resource-definition.ts';
import { BaseSource } from '../base/base-source.ts';
import type { ClusterState } from '../bind/cluster-state.ts';
import { leaseName } from '../controllers/lease-name.ts';
import type { ProfileMetrics } from '../controllers/profile-metrics.ts';
import { runControllers } from '../controllers/run-controllers.ts';

export interface LeadingControllersOptions {
  /** What bindings refer to. */
  readonly cluster: ClusterState;
  readonly api: WritableApiServer;
  /** The namespace of the operator. */
  readonly namespace: string;
  /** The file of the trust policy for base profiles of registries; without one, none is pulled. */
  readonly policy?: string | undefined;
  readonly metrics: KubeMetrics;
  readonly profileMetrics: ProfileMetrics;
  readonly log: FastifyBaseLogger;
}

/** The controllers, which run in the replica that holds the Lease. */
export class LeadingControllers {
  readonly #stopped = new AbortController();
  readonly #policy: PolicySource | undefined;
  readonly #running: Promise<void>;

  private constructor(options: LeadingControllersOptions, policy: PolicySource | undefined) {
    this.#policy = policy;
    const { api, namespace, metrics, log } = options;
    const identity = `${hostname()}_${randomUUID()}`;
    const lease = { namespace, name: leaseName };
    const base = new BaseSource({ policy, connect });
    this.#running = runAsLeader(
      { api, lease, identity, log, metrics },
      (term) => lead(term, base, options),
      this.#stopped.signal,
    );
  }

  /** Begins to ask for the Lease. Throws InvalidInput for an invalid policy. */
  static async start(options: LeadingControllersOptions): Promise<LeadingControllers> {
    const { policy: file, log } = options;
    if (file === undefined) return new LeadingControllers(options, undefined);
    // Loaded only with a policy: the operator needs less memory without.
    const { followPolicy } = await import('#lib/trust/policy/follow-policy');
    return new LeadingControllers(options, await followPolicy(file, { log }));
  }

  /** Gives the Lease back, when what is being written has been written. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
    this.#policy?.stop();
  }
}

async function lead(
  term: Term,
  base: BaseSource,
  { api, cluster, namespace, metrics, profileMetrics, log }: LeadingControllersOptions,
): Promise<void> {
  const client = new ObjectClient(api, term);
  // What has happened may be written after the term, too.
  const recording = { client: new ObjectClient(api), log, metrics };
  const events = new EventRecorder({ ...recording, controller: 'fairlead.dev/operator', instance: hostname() });
  try {
    await runControllers(
      {
        api,
        client,
        cluster,
        namespace,
        log,
        metrics,
        profileMetrics,
        pull: (reference) => base.pull(reference),
        report: ({ kind, metadata }, { message, ...event }) =>
          events.record(
            { apiVersion: `${profilesGroup}/v1`, kind, metadata },
            { ...event, action: 'Reconcile', note: message },
          ),
      },
      term.signal,
    );
  } finally {
    await events.stop().catch((error: unknown) => log.warn({ err: toFairleadError(error) }, 'events were not written'));
  }
}

/** Returns a repository, with the credentials and proxies of the operator's environment. */
async function connect(reference: Reference): Promise<ReadTarget> {
  const [{ remoteRepository }, { machineOptions }] = await Promise.all([
    import('#lib/registry/remote/repository'),
    import('#lib/registry/remote/machine-options'),
  ]);
  return remoteRepository(reference, machineOptions(process.env));
}
