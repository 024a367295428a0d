import { type Reconciled, runController } from '#lib/kube/controller';
import type { Informer } from '#lib/kube/informer';
import type { KubeLog } from '#lib/kube/log';
import type { KubeMetrics } from '#lib/kube/metrics';
import type { ObjectClient } from '#lib/kube/object-client';
import { objectKey } from '#lib/kube/resource';
import type { FollowedArtifactStatus } from '../api/shared/followed-artifact.ts';
import { decisionTrigger } from '../node-decisions/decision-trigger.ts';
import type { KnownDecisions } from '../node-decisions/node-decisions.ts';
import { type OperatorPolicy, policyTrigger } from '../trust/operator-policy.ts';
import type { ArtifactChecker, CheckRequest } from './artifact-checker.ts';
import type { ArtifactMetrics } from './artifact-metrics.ts';
import type { ArtifactCheck } from './check.ts';
import { withDecisions } from './node-acceptance.ts';
import {
  type ArtifactEvent,
  artifactInForce,
  firstCheck,
  isUpToDate,
  planArtifact,
  planInvalidArtifact,
  withdrawnArtifact,
} from './plan-artifact.ts';
import { readPullSecret } from './pull-secret.ts';
import type { ArtifactSpec, StoredArtifact } from './stored-artifact.ts';

/** The objects, by the artifact that is in force, as `artifactKey` writes it. */
export type ArtifactInformer = Informer<StoredArtifact, 'artifact'>;

export interface ArtifactControllerOptions {
  readonly client: ObjectClient;
  readonly informer: ArtifactInformer;
  /** What nodes decide about artifacts. */
  readonly decisions: KnownDecisions;
  readonly policy: OperatorPolicy;
  readonly checker: ArtifactChecker;
  /** The namespace of the operator. */
  readonly namespace: string;
  /** Who writes, in the managed fields of objects. */
  readonly fieldManager: string;
  readonly log: KubeLog;
  readonly metrics?: KubeMetrics | undefined;
  /** Reports an event about an object to users. */
  readonly report: (object: StoredArtifact, event: ArtifactEvent) => void;
  readonly artifactMetrics?: Pick<ArtifactMetrics, 'countCheck'> | undefined;
}

/** Objects that are checked at the same time; most of the time of a check, a registry works. */
const concurrency = 16;

/**
 * Keeps the status of all objects of an informer up to date with registries and the trust policy,
 * until `signal` aborts. Resolves when what is being written then has been written.
 */
export async function runArtifactController(options: ArtifactControllerOptions, signal: AbortSignal): Promise<void> {
  const { informer, policy, decisions } = options;
  const checks = new ArtifactChecks(options);
  await runController(
    {
      ...options,
      name: informer.resource.plural,
      concurrency,
      triggers: [policyTrigger(policy, () => informer.store.keys()), decisionTrigger(decisions, informer.store)],
      reconcile: async (object, late) => {
        const reconciled = await checks.reconcile(object, AbortSignal.any([signal, late]));
        const { status, event } = withDecisions(object, reconciled.status, decisions, new Date());
        if (event !== undefined) options.report(object, event);
        return { ...reconciled, status };
      },
      removed: async (key) => checks.forget(key),
    },
    signal,
  );
}

/** A check that was made, or is not due yet. */
interface LastCheck {
  /** What it was made for. */
  readonly generation: number | undefined;
  readonly policy: string | undefined;
  /** When the next one is due, in time of `performance.now`. */
  readonly dueAt: number;
  /** Checks in a row that have not ended with the newest digest in force. */
  readonly failures: number;
  readonly status: FollowedArtifactStatus;
}

interface ReconciledArtifact extends Reconciled {
  readonly status: FollowedArtifactStatus;
}

type ValidArtifact = StoredArtifact & { readonly spec: ArtifactSpec };

/** Decides which objects are to be checked now, and checks them. */
class ArtifactChecks {
  readonly #options: ArtifactControllerOptions;
  /** By key. All else that has to be remembered is in the status. */
  readonly #last = new Map<string, LastCheck>();

  constructor(options: ArtifactControllerOptions) {
    this.#options = options;
  }

  async reconcile(object: StoredArtifact, signal: AbortSignal): Promise<ReconciledArtifact> {
    const key = objectKey(object.metadata);
    const { spec } = object;
    if ('problem' in spec) {
      this.#last.delete(key);
      return { status: planInvalidArtifact(object, spec.problem, new Date()) };
    }
    const valid = { ...object, spec };
    const last = this.#last.get(key) ?? this.#firstOf(valid);
    const isSame = last.generation === object.metadata.generation && last.policy === this.#revision();
    const waitMs = last.dueAt - performance.now();
    // Perhaps its status could not be written.
    if (isSame && waitMs > 0) return { status: last.status, ...(waitMs < Infinity && { requeueAfter: waitMs }) };
    return await this.#check(valid, isSame ? last.failures : 0, signal);
  }

  forget(key: string): void {
    this.#last.delete(key);
  }

  async #check(object: ValidArtifact, failuresBefore: number, signal: AbortSignal): Promise<ReconciledArtifact> {
    const { report, artifactMetrics } = this.#options;
    const policy = this.#revision();
    const check = await this.#checkNow(object, policy, signal);
    signal.throwIfAborted();
    const failures = failuresBefore + 1;
    const { status, events, requeueAfter } = planArtifact(object, check, {
      now: new Date(),
      failures,
      random: Math.random(),
    });
    this.#last.set(objectKey(object.metadata), {
      generation: object.metadata.generation,
      policy,
      dueAt: performance.now() + (requeueAfter ?? Infinity),
      failures: isUpToDate(status) ? 0 : failures,
      status,
    });
    for (const event of events) report(object, event);
    artifactMetrics?.countCheck(status.refused?.reason ?? 'UpToDate');
    return { status, requeueAfter };
  }

  async #checkNow(object: ValidArtifact, policy: string | undefined, signal: AbortSignal): Promise<ArtifactCheck> {
    const { checker, namespace } = this.#options;
    const { spec, status, metadata } = object;
    const inForce = artifactInForce(object);
    const isSettled = isUpToDate(status) && status.observedGeneration === metadata.generation;
    const request: CheckRequest = {
      spec,
      inForce,
      withdrawn: withdrawnArtifact(object),
      verify: status.policy !== policy,
      resolve: !isSettled || inForce === undefined || spec.update?.policy === 'Track',
    };
    if (spec.pullSecret === undefined) return await checker.check(request, signal);
    const secret = { namespace: metadata.namespace ?? namespace, name: spec.pullSecret.name };
    const source = await readPullSecret(secret, this.#options);
    if (typeof source === 'function') {
      const credentials = { source, name: objectKey(secret) };
      return await checker.check({ ...request, credentials }, signal);
    }
    return { policy, ...(request.verify && inForce && { inForce: source }), found: source };
  }

  /** Returns what the status tells of the last check. */
  #firstOf(object: ValidArtifact): LastCheck {
    const policy = this.#revision();
    const delay = firstCheck(object, policy, new Date()) ?? Infinity;
    const { status, metadata } = object;
    return { generation: metadata.generation, policy, dueAt: performance.now() + delay, failures: 0, status };
  }

  /** Returns the revision of the policy; undefined if it is not known. */
  #revision(): string | undefined {
    try {
      return this.#options.policy.current.revision;
    } catch {
      return undefined;
    }
  }
}
