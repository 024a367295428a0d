import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { FastifyBaseLogger } from 'fastify';
import { toFairleadError } from '#lib/errors';
import type { WritableApiServer } from '#lib/kube/api-server';
import { EventRecorder, type EventSubject } from '#lib/kube/event-recorder';
import { runAsLeader } from '#lib/kube/leader-election';
import type { KubeMetrics } from '#lib/kube/metrics';
import { ObjectClient, type Term } from '#lib/kube/object-client';
import type { CredentialSource } from '#lib/registry/credentials/credentials';
import type { Reference } from '#lib/registry/reference';
import type { ReadTarget } from '#lib/registry/target';
import { fairleadGroup, profilesGroup } from '../api/shared/resource-definition.ts';
import type { ArtifactMetrics } from '../artifacts/artifact-metrics.ts';
import { BaseSource } from '../base/base-source.ts';
import type { ClusterState } from '../bind/cluster-state.ts';
import type { CoverageMetrics } from '../controllers/coverage-metrics.ts';
import { leaseName } from '../controllers/lease-name.ts';
import type { ProfileMetrics } from '../controllers/profile-metrics.ts';
import { runControllers } from '../controllers/run-controllers.ts';
import { fieldManager } from '../kube/field-manager.ts';
import { NodeDecisions } from '../node-decisions/node-decisions.ts';
import { followPolicyFile, ObjectPolicy, type OperatorPolicy } from '../trust/operator-policy.ts';

export interface LeadingControllersOptions {
  /** What bindings refer to. */
  readonly cluster: ClusterState;
  readonly api: WritableApiServer;
  /** Returns the time of the API server. */
  readonly now: () => Date;
  /** The namespace of the operator. */
  readonly namespace: string;
  /** The file of the trust policy; without one, the TrustPolicy object decides. */
  readonly policy?: string | undefined;
  readonly metrics: KubeMetrics;
  readonly profileMetrics: ProfileMetrics;
  readonly artifactMetrics: ArtifactMetrics;
  readonly coverageMetrics: CoverageMetrics;
  readonly log: FastifyBaseLogger;
}

/** The controllers, which run in the replica that holds the Lease. */
export class LeadingControllers {
  readonly #stopped = new AbortController();
  readonly #policy: OperatorPolicy;
  readonly #running: Promise<void>;

  private constructor(options: LeadingControllersOptions, policy: OperatorPolicy) {
    this.#policy = policy;
    const { api, namespace, metrics, log } = options;
    const identity = `${hostname()}_${randomUUID()}`;
    const lease = { namespace, name: leaseName };
    const base = new BaseSource({ policy, connect });
    this.#running = runAsLeader(
      { api, lease, identity, log, metrics },
      (term) => lead(term, { ...options, base, policy }),
      this.#stopped.signal,
    );
  }

  /** Begins to ask for the Lease. Throws InvalidInput for an invalid policy. */
  static async start(options: LeadingControllersOptions): Promise<LeadingControllers> {
    const { policy: file, log } = options;
    const policy = file === undefined ? new ObjectPolicy() : await followPolicyFile(file, log);
    return new LeadingControllers(options, policy);
  }

  /** Gives the Lease back, when what is being written has been written. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
    this.#policy.stop();
  }
}

interface LeadOptions extends Omit<LeadingControllersOptions, 'policy'> {
  readonly base: BaseSource;
  readonly policy: OperatorPolicy;
}

async function lead(term: Term, { base, ...options }: LeadOptions): Promise<void> {
  const { api, log, metrics } = options;
  const client = new ObjectClient(api, term);
  // What has happened may be written after the term, too.
  const recording = { client: new ObjectClient(api), log, metrics };
  const events = new EventRecorder({ ...recording, controller: 'fairlead.dev/operator', instance: hostname() });
  const report =
    (group: string, version: string, action: string) =>
    ({ kind, metadata }: Pick<EventSubject, 'kind' | 'metadata'>, { message, ...event }: ReportedEvent): void =>
      events.record({ apiVersion: `${group}/${version}`, kind, metadata }, { ...event, action, note: message });
  // Loaded by the leader only: other replicas need less memory.
  const [{ runArtifactControllers }, { runImageProfiles }, { checkDefinitions }] = await Promise.all([
    import('../artifacts/run-artifact-controllers.ts'),
    import('../image-profiles/run-image-profiles.ts'),
    import('../definitions/check-definitions.ts'),
  ]);
  const decisions = new NodeDecisions();
  const leading = { ...options, client, decisions };
  try {
    await Promise.all([
      runControllers(
        {
          ...leading,
          pull: (reference) => base.pull(reference),
          report: report(profilesGroup, 'v1', 'Reconcile'),
          runForPods: async (pods, signal) => {
            const follow = report(fairleadGroup, 'v1alpha1', 'Follow');
            await Promise.all([
              decisions.follow(pods, leading, signal),
              runImageProfiles({ ...leading, pods, fieldManager, report: follow }, signal),
            ]);
          },
        },
        term.signal,
      ),
      runArtifactControllers(
        { ...leading, fieldManager, connect, report: report(fairleadGroup, 'v1alpha1', 'Check') },
        term.signal,
      ),
      checkDefinitions({ ...leading, report: report('apiextensions.k8s.io', 'v1', 'Check') }, term.signal),
    ]);
  } finally {
    await events.stop().catch((error: unknown) => log.warn({ err: toFairleadError(error) }, 'events were not written'));
  }
}

interface ReportedEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/**
 * Returns a repository, with the proxies of the operator's environment, and with its credentials
 * unless others are given.
 */
async function connect(reference: Reference, credentials?: CredentialSource): Promise<ReadTarget> {
  const [{ remoteRepository }, { machineOptions }] = await Promise.all([
    import('#lib/registry/remote/repository'),
    import('#lib/registry/remote/machine-options'),
  ]);
  const options = machineOptions(process.env);
  return remoteRepository(reference, credentials === undefined ? options : { ...options, credentials });
}
