import { events } from '#lib/kube/event-recorder';
import { Informer } from '#lib/kube/informer';
import type { InformerMetrics } from '#lib/kube/informer-options';
import type { KubeLog } from '#lib/kube/log';
import type { ObjectClient } from '#lib/kube/object-client';
import { artifactKey } from '../api/profile-reference.ts';
import type { ArtifactDecisions, RefusedPod } from './nodes-accept.ts';
import type { PodDecision } from './pod-decisions.ts';
import { parseSandboxFailure, type SandboxFailure, sandboxFailureReason } from './sandbox-failure.ts';

interface DecidedPod {
  /** `namespace/name`. */
  readonly name: string;
  readonly decisions?: readonly PodDecision[] | undefined;
}

/** The pods of the cluster, by the artifacts that they show a decision about. */
export type DecidedPods = Pick<Informer<DecidedPod, 'artifact'>, 'store' | 'synced' | 'onChange'>;

export interface FollowOptions {
  readonly client: ObjectClient;
  readonly log: KubeLog;
  readonly metrics?: InformerMetrics | undefined;
}

/** Is told about which artifacts something has changed; undefined if it may be all. */
type DecisionListener = (artifacts: ReadonlySet<string> | undefined) => void;

/** The part of {@link NodeDecisions} that controllers use. */
export type KnownDecisions = Pick<NodeDecisions, 'about' | 'onChange'>;

/**
 * What nodes decide about artifacts, as the status of pods and the events of kubelets show it. A
 * node without a sandbox for a pod says why in an event only.
 */
export class NodeDecisions {
  readonly #listeners = new Set<DecisionListener>();
  #pods: DecidedPods | undefined;
  #failures: Informer<SandboxFailure, 'uid'> | undefined;

  /**
   * Follows pods, which the caller starts, and events until `signal` aborts; resolves when no
   * request is open any more. If events cannot be listed, the decisions are those of the pods.
   */
  async follow(pods: DecidedPods, options: FollowOptions, signal: AbortSignal): Promise<void> {
    const failures = new Informer({
      ...options,
      resource: events,
      selection: { fieldSelector: `reason=${sandboxFailureReason}` },
      parse: parseSandboxFailure,
      indexes: { uid: ({ uid }: SandboxFailure) => [uid] },
    });
    const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    failures.start();
    await Promise.race([aborted, Promise.all([pods.synced(), failures.settled()])]);
    if (!signal.aborted) {
      this.#pods = pods;
      this.#failures = failures;
      const endings = [
        pods.onChange(({ before, after }) => this.#tell(changedArtifacts(before?.decisions, after?.decisions))),
        failures.onChange(({ before, after }) => {
          // Another failure may be newer than the refusals of the same pod, or be gone.
          const others = failures.store.byIndex('uid', (after ?? before)?.uid ?? '');
          this.#tell(new Set([before, ...others].flatMap((each) => each?.refusal?.artifact ?? [])));
        }),
      ];
      this.#tell(undefined);
      await aborted;
      for (const end of endings) end();
    }
    this.#pods = undefined;
    await failures.stop();
  }

  /**
   * Returns what the pods of a namespace, or of all if none is given, show about an artifact, a
   * reference with digest; undefined while that is not known. Who may read an object of a namespace
   * must not learn of pods of others.
   */
  about(reference: string, namespace?: string): ArtifactDecisions | undefined {
    if (this.#pods === undefined) return undefined;
    const artifact = artifactKey(reference);
    let isAccepted = false;
    const refused: RefusedPod[] = [];
    for (const { name: pod, decisions = [] } of this.#pods.store.byIndex('artifact', artifact)) {
      if (namespace !== undefined && !pod.startsWith(`${namespace}/`)) continue;
      const own = decisions.find((each) => each.artifact === artifact);
      if (own === undefined) continue;
      if (own.decision === 'accepted') isAccepted = true;
      const refusal = own.decision === 'awaited' ? this.#refusalOf(own) : own.decision;
      if (refusal === undefined || refusal === 'accepted') continue;
      const { kind, reason } = refusal;
      refused.push({ pod, node: own.node, kind, reason });
    }
    return { isAccepted, refused };
  }

  /** Calls `listener` when decisions may have changed. Returns a function that ends this. */
  onChange(listener: DecisionListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Returns why the newest attempt to create the sandbox of a pod has failed, if it is that. */
  #refusalOf({ uid = '', artifact }: PodDecision): SandboxFailure['refusal'] {
    const failures = this.#failures?.store.byIndex('uid', uid) ?? [];
    const newest = failures.reduce<SandboxFailure | undefined>(
      (best, each) => (best === undefined || each.at > best.at ? each : best),
      undefined,
    );
    return newest?.refusal?.artifact === artifact ? newest.refusal : undefined;
  }

  #tell(artifacts: ReadonlySet<string> | undefined): void {
    if (artifacts?.size === 0) return;
    for (const listener of this.#listeners) listener(artifacts);
  }
}

function changedArtifacts(
  before: readonly PodDecision[] = [],
  after: readonly PodDecision[] = [],
): ReadonlySet<string> {
  if (JSON.stringify(before) === JSON.stringify(after)) return new Set();
  return new Set([...before, ...after].map(({ artifact }) => artifact));
}
