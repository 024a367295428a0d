import { LRUCache } from 'lru-cache';
import * as v from 'valibot';
import { FairleadError, shownMessage, toFairleadError } from '#lib/errors';
import { isInEndingNamespace, isOutage } from '#lib/kube/api-error';
import type { EventSubject } from '#lib/kube/event-recorder';
import { Informer } from '#lib/kube/informer';
import type { KubeLog } from '#lib/kube/log';
import type { KubeMetrics } from '#lib/kube/metrics';
import type { ObjectClient } from '#lib/kube/object-client';
import { objectKey, type Resource } from '#lib/kube/resource';
import { WorkQueue } from '#lib/kube/work-queue';
import type { ArtifactKind, Binding } from '../bind/binding.ts';
import type { ClusterState } from '../bind/cluster-state.ts';
import { readArtifactBinding, readClusterArtifactBinding } from '../bind/read-binding.ts';
import type { RunningPod } from '../coverage/running-pod.ts';
import { isMarker } from '../kube/binding-marker.ts';
import { artifactResources } from '../kube/cluster-objects.ts';
import { mostBindingBytes } from '../kube/list-bindings.ts';
import { type PodTemplate, parseWorkloadTemplate, templateOfPod } from './pod-template.ts';
import { type ImageBinding, madeLabel, mostProfiles, wantedProfiles } from './wanted-profiles.ts';

type FollowedPods = Pick<Informer<{ readonly running: RunningPod | undefined }>, 'store' | 'synced' | 'onChange'>;

export interface ImageProfilesOptions {
  readonly client: ObjectClient;
  /** The labels of namespaces. */
  readonly cluster: Pick<ClusterState, 'namespaceLabels'>;
  /** Who writes, in the managed fields of objects. */
  readonly fieldManager: string;
  /** The pods, which the caller follows. */
  readonly pods: FollowedPods;
  /** Reports an event about a binding to users. */
  readonly report: (binding: Pick<EventSubject, 'kind' | 'metadata'>, event: BindingEvent) => void;
  readonly log: KubeLog;
  readonly metrics?: KubeMetrics | undefined;
}

export interface BindingEvent {
  readonly type: 'Warning';
  readonly reason: 'ProfileNotFollowed';
  readonly message: string;
}

const resourceOf = (group: string, version: string, kind: string, namespaced = true): Resource => {
  return { group, version, plural: `${kind.toLowerCase()}s`, kind, namespaced };
};
/** What makes pods. A CronJob makes Jobs, a Deployment ReplicaSets. */
const workloads = [
  resourceOf('apps', 'v1', 'ReplicaSet'),
  resourceOf('apps', 'v1', 'StatefulSet'),
  resourceOf('apps', 'v1', 'DaemonSet'),
  resourceOf('batch', 'v1', 'Job'),
  resourceOf('', 'v1', 'ReplicationController'),
];
const bindingResources = {
  ArtifactBinding: resourceOf('fairlead.dev', 'v1alpha1', 'ArtifactBinding'),
  ClusterArtifactBinding: resourceOf('fairlead.dev', 'v1alpha1', 'ClusterArtifactBinding', false),
};
/** Changes within this time are taken together. */
const gatherMs = 200;
/** An object whose image no pod has used for so long is deleted. */
const unusedMs = 3_600_000;
const sweepMs = 300_000;

const detailsSchema = v.object({
  metadata: v.object({ uid: v.string(), resourceVersion: v.string(), namespace: v.optional(v.string()) }),
  spec: v.object({ pullSecret: v.optional(v.object({ name: v.string() })) }),
});

/**
 * Makes an object for the profile of each image that bindings with `profileFrom: ImageReferrers`
 * need, ahead of the pods, and deletes those that are unused for an hour or whose binding is gone,
 * until `signal` aborts.
 */
export async function runImageProfiles(options: ImageProfilesOptions, signal: AbortSignal): Promise<void> {
  const view = new View(options);
  const profiles = new ImageProfiles(view, options);
  const key = 'images';
  const queue = new WorkQueue({
    concurrency: 1,
    process: async () => {
      await profiles.reconcile();
      return { requeueAfter: sweepMs };
    },
    onFailure: ({ thrown }) =>
      options.log.warn({ err: toFairleadError(thrown) }, 'the profiles of images could not all be followed'),
  });
  const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  view.start();
  await Promise.race([aborted, view.synced()]);
  if (!signal.aborted) {
    view.onChange(() => queue.addAfter(key, gatherMs));
    queue.add(key);
    await aborted;
  }
  await queue.stop();
  await view.stop();
}

/** What is known of the cluster. */
class View {
  readonly #bindings: Readonly<Record<ArtifactKind, Informer<ImageBinding | undefined>>>;
  readonly templates: readonly Informer<PodTemplate>[];
  readonly #pods: FollowedPods;
  /** Images have to be parsed once for each version of a pod. */
  readonly #podTemplates = new WeakMap<RunningPod, PodTemplate>();
  #unfollow: (() => void) | undefined;
  readonly made: Readonly<Record<ArtifactKind, Informer<{ readonly isOwned: (uids: ReadonlySet<string>) => boolean }>>>;

  constructor(options: ImageProfilesOptions) {
    const bindings = (kind: keyof typeof bindingResources, read: (object: unknown) => Binding) =>
      new Informer({
        ...options,
        resource: bindingResources[kind],
        isFollowed: (object) => !isMarker(object),
        mostBytes: mostBindingBytes,
        parse: (object): ImageBinding | undefined => {
          const binding = read(object);
          if (binding.source.from !== 'image') return undefined;
          const { metadata, spec } = v.parse(detailsSchema, object);
          return { binding, ...metadata, pullSecret: spec.pullSecret };
        },
      });
    this.#bindings = {
      ProfileArtifact: bindings('ArtifactBinding', readArtifactBinding),
      ClusterProfileArtifact: bindings('ClusterArtifactBinding', readClusterArtifactBinding),
    };
    this.templates = [
      ...workloads.map((resource) => new Informer({ ...options, resource, parse: parseWorkloadTemplate })),
    ];
    this.#pods = options.pods;
    const made = (kind: ArtifactKind) =>
      new Informer({
        ...options,
        resource: artifactResources[kind],
        selection: { labelSelector: madeLabel },
        parse: ({ metadata }) => {
          const owners = v.parse(v.optional(v.array(v.object({ uid: v.string() })), []), metadata['ownerReferences']);
          return { isOwned: (uids: ReadonlySet<string>) => owners.some(({ uid }) => uids.has(uid)) };
        },
      });
    this.made = {
      ProfileArtifact: made('ProfileArtifact'),
      ClusterProfileArtifact: made('ClusterProfileArtifact'),
    };
  }

  /** The bindings that take the profile from the image. */
  imageBindings(): readonly ImageBinding[] {
    const informers = Object.values(this.#bindings);
    return informers.flatMap(({ store }) => [...store.values()].filter((each) => each !== undefined));
  }

  /** Reports whether the bindings that objects of a kind are made for are held. */
  holdsBindings(kind: ArtifactKind, namespace: string | undefined): boolean {
    return !this.#bindings[kind].released.has(namespace ?? '');
  }

  *podTemplates(): Iterable<PodTemplate> {
    for (const { store } of this.templates) yield* store.values();
    for (const { running } of this.#pods.store.values()) if (running !== undefined) yield this.#templateOf(running);
  }

  #templateOf(pod: RunningPod): PodTemplate {
    const known = this.#podTemplates.get(pod);
    if (known !== undefined) return known;
    const template = templateOfPod(pod);
    this.#podTemplates.set(pod, template);
    return template;
  }

  start(): void {
    for (const informer of this.#all()) informer.start();
  }

  async synced(): Promise<void> {
    await Promise.all([...this.#all(), this.#pods].map((informer) => informer.synced()));
  }

  onChange(listener: () => void): void {
    this.#unfollow = this.#pods.onChange(listener);
    for (const informer of this.#all()) informer.onChange(listener);
  }

  async stop(): Promise<void> {
    this.#unfollow?.();
    await Promise.all(this.#all().map((informer) => informer.stop()));
  }

  #all(): readonly Pick<Informer<unknown>, 'start' | 'stop' | 'synced' | 'onChange'>[] {
    return [...Object.values(this.#bindings), ...this.templates, ...Object.values(this.made)];
  }
}

class ImageProfiles {
  readonly #view: View;
  readonly #options: ImageProfilesOptions;
  /** Since when objects are not used, in time of `performance.now`. */
  readonly #unusedSince = new LRUCache<string, number>({ max: 2 * mostProfiles });

  constructor(view: View, options: ImageProfilesOptions) {
    this.#view = view;
    this.#options = options;
  }

  /** Throws why an object could not be written, after all were tried. */
  async reconcile(): Promise<void> {
    const { client, cluster, fieldManager, log } = this.#options;
    const bindings = this.#view.imageBindings();
    const wanted = wantedProfiles(bindings, this.#view.podTemplates(), (namespace) =>
      cluster.namespaceLabels(namespace),
    );
    if (wanted.size >= mostProfiles) log.warn({ most: mostProfiles }, 'not all profiles of images are followed');
    const wantedKeys = new Set<string>();
    const writes = new Writes();
    for (const { kind, binding, object } of wanted.values()) {
      const key = objectKey(object.metadata);
      wantedKeys.add(`${kind} ${key}`);
      if (this.#view.made[kind].store.get(key) !== undefined) continue;
      const thrown = await writes.try('Conflict', () =>
        client.create(artifactResources[kind], object, { fieldManager }),
      );
      if (thrown !== undefined) this.#report(binding, thrown);
    }
    await this.#sweep(wantedKeys, new Set(bindings.map(({ uid }) => uid)), writes);
    writes.finish();
  }

  #report({ binding: { kind, name }, ...metadata }: ImageBinding, thrown: unknown): void {
    const message = `the profile of an image cannot be followed, its pods are refused: ${shownMessage(toFairleadError(thrown))}`;
    this.#options.report(
      { kind, metadata: { name, ...metadata } },
      { type: 'Warning', reason: 'ProfileNotFollowed', message },
    );
  }

  /** Deletes what is not used any more. */
  async #sweep(wanted: ReadonlySet<string>, bindings: ReadonlySet<string>, writes: Writes): Promise<void> {
    const now = performance.now();
    for (const kind of Object.keys(this.#view.made) as ArtifactKind[]) {
      const { resource, store } = this.#view.made[kind];
      for (const key of [...store.keys()]) {
        const id = `${kind} ${key}`;
        if (wanted.has(id)) {
          this.#unusedSince.delete(id);
          continue;
        }
        const [namespace, name] = key.includes('/') ? key.split('/') : [undefined, key];
        // Whether a binding needs it is not known.
        if (!this.#view.holdsBindings(kind, namespace)) continue;
        const since = this.#unusedSince.get(id) ?? now;
        this.#unusedSince.set(id, since);
        // The binding may be back, or a pod of it, before its image is resolved again.
        if (store.get(key)?.isOwned(bindings) && now - since < unusedMs) continue;
        await writes.try('NotFound', () => this.#options.client.delete(resource, { namespace, name: name ?? '' }));
      }
    }
  }
}

/**
 * Writes that do not depend on each other: one in a namespace that is being deleted, or whose quota
 * is used up, keeps no other from being tried.
 */
class Writes {
  #failure: { readonly thrown: unknown } | undefined;

  /**
   * Returns why it has failed; undefined if it has not, or by an error of the expected kind, or for
   * a namespace that is being deleted with all that it holds. Throws if the API server is down.
   */
  async try(expected: 'Conflict' | 'NotFound', write: () => Promise<unknown>): Promise<unknown> {
    try {
      await write();
      return undefined;
    } catch (thrown) {
      if ((thrown instanceof FairleadError && thrown.kind === expected) || isInEndingNamespace(thrown))
        return undefined;
      if (isOutage(thrown)) throw thrown;
      this.#failure ??= { thrown };
      return thrown;
    }
  }

  /** Throws the first failure. */
  finish(): void {
    if (this.#failure !== undefined) throw this.#failure.thrown;
  }
}
