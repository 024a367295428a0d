import { setImmediate as nextTurn } from 'node:timers/promises';
import { FairleadError } from '#lib/errors';
import { Informer } from '#lib/kube/informer';
import type { InformerMetrics } from '#lib/kube/informer-options';
import type { KubeObject, ObjectMeta } from '#lib/kube/kube-object';
import type { KubeLog } from '#lib/kube/log';
import type { ObjectClient } from '#lib/kube/object-client';
import type { Pod } from '../api/pod.ts';
import { artifactKey, namedArtifact } from '../api/profile-reference.ts';
import type { Binding } from '../bind/binding.ts';
import type { ClusterState } from '../bind/cluster-state.ts';
import type { BindingContext } from '../bind/decide.ts';
import { type BindingConflict, clusterConflicts, namespaceConflicts } from '../coverage/binding-conflicts.ts';
import { type BindingCoverage, bindingCoverage } from '../coverage/binding-coverage.ts';
import type { CoveredPod } from '../coverage/outdated-owners.ts';
import { podCoverage } from '../coverage/pod-coverage.ts';
import { isMarker } from '../kube/binding-marker.ts';
import { bindingKinds, mostBindingBytes } from '../kube/list-bindings.ts';
import type { PodInformer } from './pod-informer.ts';

/** A binding as its controller holds it. */
export interface StoredBinding {
  readonly metadata: ObjectMeta;
  readonly status: object | undefined;
  /** Undefined for one that has no effect on pods. */
  readonly binding: Binding | undefined;
}

/** What running pods run under, and which bindings decide on them, at one moment. */
export interface ClusterCoverage {
  /** Milliseconds after which a newer one can be determined, if anything has changed since. */
  readonly outdatedIn: number | undefined;
  readonly pods: readonly CoveredPod[];
  /** By `coverageKey`. */
  readonly bindings: ReadonlyMap<string, BindingCoverage>;
  /** Why new pods are refused because of bindings that are equally specific, by `coverageKey`. */
  readonly conflicts: ReadonlyMap<string, BindingConflict>;
}

export interface CoverageViewOptions {
  readonly client: ObjectClient;
  readonly log: KubeLog;
  readonly metrics?: InformerMetrics | undefined;
  /** What bindings refer to. */
  readonly cluster: ClusterState;
  /** The pods, which the caller starts. */
  readonly pods: PodInformer;
}

/** Milliseconds after which other work has its turn, such as an admission. */
const mostOfTurn = 5;
/** Milliseconds for which a coverage is not determined again. */
const shortest = 1000;
/** How many times the time that it took passes before it is determined again. */
const pause = 10;

/**
 * What the controllers of bindings know of the cluster. The coverage is determined for all pods at
 * once, and not for each change: a binding may decide on all pods, and pods change all the time.
 */
export class CoverageView {
  readonly bindings: readonly Informer<StoredBinding, 'artifact'>[];
  readonly #pods: PodInformer;
  readonly #unfollow: () => void;
  readonly #options: CoverageViewOptions;
  #current: Promise<Omit<ClusterCoverage, 'outdatedIn'>> | undefined;
  /** Whether anything has changed since the current coverage began to be determined. */
  #hasChanged = false;
  /** When the current coverage is to be determined again. */
  #freshUntil = 0;

  constructor(options: CoverageViewOptions) {
    this.#options = options;
    const { client, log, metrics, pods } = options;
    this.bindings = bindingKinds.map(
      ({ resource, parse }) =>
        new Informer({
          ...{ client, log, metrics, resource },
          isFollowed: (object) => !isMarker(object),
          mostBytes: mostBindingBytes,
          parse: (object) => storedBinding(object, parse),
          indexes: { artifact: artifactsOf },
        }),
    );
    this.#pods = pods;
    this.#unfollow = pods.onChange(() => {
      this.#hasChanged = true;
    });
    for (const informer of this.bindings) {
      informer.onChange(({ before, after }) => {
        // A status that was written changes nothing.
        if (before?.metadata.generation !== after?.metadata.generation) this.#hasChanged = true;
      });
    }
  }

  /** Begins to follow the bindings. */
  start(): void {
    for (const informer of this.bindings) informer.start();
  }

  /** Resolves when no request is open any more. */
  async stop(): Promise<void> {
    this.#unfollow();
    await Promise.all(this.bindings.map((informer) => informer.stop()));
  }

  /** Resolves when everything has been listed once. */
  async synced(): Promise<void> {
    await Promise.all([...this.bindings, this.#pods].map((informer) => informer.synced()));
  }

  /**
   * Resolves like {@link synced}. Throws why something cannot be listed, if that has failed twice.
   */
  async settled(): Promise<void> {
    for (const informer of [...this.bindings, this.#pods]) {
      await informer.settled();
      if (informer.hasSynced) continue;
      throw informer.problem ?? new FairleadError('Unavailable', `${informer.resource.plural} were not listed yet`);
    }
  }

  /** Whether everything has been listed once. */
  get hasSynced(): boolean {
    return [...this.bindings, this.#pods].every((informer) => informer.hasSynced);
  }

  /** Returns the coverage of the cluster, which may be some seconds old. */
  async coverage(): Promise<ClusterCoverage> {
    if (this.#current === undefined || performance.now() > this.#freshUntil) {
      this.#freshUntil = Number.POSITIVE_INFINITY;
      this.#hasChanged = false;
      const begin = performance.now();
      this.#current = this.#determine().finally(() => {
        const end = performance.now();
        this.#freshUntil = end + Math.max(shortest, pause * (end - begin));
      });
    }
    const current = await this.#current;
    const freshFor = Math.max(0, this.#freshUntil - performance.now());
    return { ...current, outdatedIn: this.#hasChanged ? freshFor : undefined };
  }

  /** Returns what the pods of a namespace are decided with. */
  contextOf(namespace: string): BindingContext {
    const bindings = this.bindings.flatMap(({ store, resource }) =>
      [...store.values()].flatMap(({ binding, metadata }) =>
        binding === undefined || (resource.namespaced && metadata.namespace !== namespace) ? [] : [binding],
      ),
    );
    return { namespace, bindings, cluster: this.#options.cluster };
  }

  /** Of pods whose bindings are not held, only what they run under is known. */
  #containersOf(pod: Pod, context: BindingContext): CoveredPod['containers'] {
    const containers = podCoverage(pod, context);
    const released = this.bindings.find(({ released, resource }) =>
      released.has(resource.namespaced ? context.namespace : ''),
    );
    if (released === undefined) return containers;
    const problem = `the ${released.resource.kind}s take too much memory to be held: delete some, or make them smaller`;
    return containers.map((container) => ({ ...container, problem: container.problem ?? problem }));
  }

  async #determine(): Promise<Omit<ClusterCoverage, 'outdatedIn'>> {
    const contexts = new Map<string, BindingContext>();
    // Pods that are alike are the same object (pod-informer.ts), which is in one namespace.
    const containersOf = new Map<Pod, CoveredPod['containers']>();
    const covered: CoveredPod[] = [];
    let began = performance.now();
    for (const { running } of [...this.#pods.store.values()]) {
      if (performance.now() - began > mostOfTurn) {
        await nextTurn();
        began = performance.now();
      }
      if (running === undefined) continue;
      const { pod, ...rest } = running;
      const context = contexts.get(rest.namespace) ?? this.contextOf(rest.namespace);
      contexts.set(rest.namespace, context);
      const containers = containersOf.get(pod) ?? this.#containersOf(pod, context);
      containersOf.set(pod, containers);
      covered.push({ ...rest, containers });
    }
    return { pods: covered, bindings: bindingCoverage(covered), conflicts: await this.#conflicts() };
  }

  async #conflicts(): Promise<ReadonlyMap<string, BindingConflict>> {
    const { cluster } = this.#options;
    const stored = this.bindings.flatMap(({ store }) => [...store.values()]);
    const byNamespace = Map.groupBy(stored, ({ metadata }) => metadata.namespace);
    const bindingsOf = (namespace: string | undefined) =>
      (byNamespace.get(namespace) ?? []).flatMap(({ binding }) => binding ?? []);
    const ofCluster = bindingsOf(undefined);
    const conflicts = new Map(clusterConflicts({ namespace: '', bindings: ofCluster, cluster }));
    for (const namespace of byNamespace.keys()) {
      if (namespace === undefined) continue;
      await nextTurn();
      const context = { namespace, bindings: [...bindingsOf(namespace), ...ofCluster], cluster };
      for (const [key, conflict] of namespaceConflicts(context)) conflicts.set(key, conflict);
    }
    return conflicts;
  }
}

/** Returns the artifact that a binding gives to new pods, as its status states it. */
function artifactsOf({ status = {} }: StoredBinding): readonly string[] {
  const named = 'reference' in status && typeof status.reference === 'string' && namedArtifact(status.reference);
  return named ? [artifactKey(named.reference)] : [];
}

function storedBinding(object: KubeObject, parse: (object: unknown) => Binding | undefined): StoredBinding {
  const { name, namespace, uid, resourceVersion, generation } = object.metadata;
  const { status } = object;
  return {
    metadata: { name, namespace, uid, resourceVersion, generation },
    status: typeof status === 'object' && status !== null ? status : undefined,
    binding: parse(object),
  };
}
