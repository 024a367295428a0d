import { LRUCache } from 'lru-cache';
import type { WritableApiServer } from '#lib/kube/api-server';
import { CurrentLists, mostFollowed } from '#lib/kube/current-lists';
import { FollowedObjects } from '#lib/kube/followed-objects';
import type { InformerMetrics } from '#lib/kube/informer-options';
import type { KubeLog } from '#lib/kube/log';
import { ObjectClient } from '#lib/kube/object-client';
import type { Resource } from '#lib/kube/resource';
import { fairleadGroup, profilesGroup } from '../api/shared/resource-definition.ts';
import type { Binding } from '../bind/binding.ts';
import { readArtifactBinding, readClusterArtifactBinding, readProfileBinding } from '../bind/read-binding.ts';
import { bindingMarker } from './binding-marker.ts';
import { fieldManager } from './field-manager.ts';

/** The source of bindings. */
export interface BindingSource {
  /** Begins to follow the bindings. Until all are known, they are listed for each admission. */
  start(): void;
  /** Resolves when no request is open any more. */
  stop(): Promise<void>;
  /**
   * Returns the bindings of a namespace and of the cluster as they are at a moment after this call:
   * while they are the same, the same array. Throws what `CurrentList.list` throws.
   */
  list(namespace: string): Promise<readonly Binding[]>;
  /** Verifies that all kinds of bindings can be listed. */
  probe(): Promise<void>;
}

const version = 'v1alpha1';
const artifactBindings = { group: fairleadGroup, version, plural: 'artifactbindings', kind: 'ArtifactBinding' };
const clusterArtifactBindings = {
  ...{ group: fairleadGroup, version, plural: 'clusterartifactbindings', kind: 'ClusterArtifactBinding' },
};
const profileBindings = { group: profilesGroup, version: 'v1', plural: 'profilebindings', kind: 'ProfileBinding' };

/** A kind of bindings: where they are, and how they are read. */
interface BindingKindOfApi {
  readonly resource: Resource;
  readonly parse: (object: unknown) => Binding | undefined;
}

/** All kinds of bindings. */
export const bindingKinds: readonly BindingKindOfApi[] = [
  { resource: { ...artifactBindings, namespaced: true }, parse: readArtifactBinding },
  { resource: { ...clusterArtifactBindings, namespaced: false }, parse: readClusterArtifactBinding },
  { resource: { ...profileBindings, namespaced: true }, parse: readProfileBinding },
];

/**
 * About how many bytes of bindings of a kind are held at most in one place: thousands of usual
 * ones. There are nine such places in the leader, whose heap has 256 MiB.
 */
export const mostBindingBytes = 12 * 1024 * 1024;

export interface BindingSourceOptions {
  readonly api: WritableApiServer;
  /** The namespace of the operator. */
  readonly namespace: string;
  readonly log: KubeLog;
  readonly metrics?: InformerMetrics | undefined;
}

type BindingList = readonly (Binding | undefined)[];

/** The bindings of one namespace: of each kind, and of all. */
interface JoinedLists {
  readonly lists: readonly BindingList[];
  readonly bindings: readonly Binding[];
}

/** Namespaces whose bindings are kept as one array. */
const mostJoined = 1000;

/**
 * Returns a source that answers with the bindings as they are in etcd, so that a binding that was
 * created before a pod always holds. What is held in memory decides only after it was shown to be
 * as new: otherwise there is a moment, and after a lost connection many, in which a pod would slip
 * through unbound.
 */
export function bindingSource({ api, namespace, log, metrics }: BindingSourceOptions): BindingSource {
  const lists = new CurrentLists(api);
  const client = new ObjectClient(api);
  const kinds = bindingKinds.map(({ resource, parse }) => {
    const marker = bindingMarker(resource, namespace);
    const followed = new FollowedObjects({
      ...{ client, resource, parse, marker, fieldManager, log, metrics },
      most: mostFollowed,
      mostBytes: mostBindingBytes,
    });
    return { followed, list: lists.of({ resource, parse, followed }) };
  });
  const joined = new LRUCache<string, JoinedLists>({ max: mostJoined });
  return {
    start() {
      for (const { followed } of kinds) followed.start();
    },
    async stop() {
      await Promise.all(kinds.map(({ followed }) => followed.stop()));
    },
    async list(of) {
      const listed = await Promise.all(kinds.map(({ list }) => list.list(of)));
      const before = joined.get(of);
      if (before?.lists.every((list, kind) => isSame(list, listed[kind]))) return before.bindings;
      const bindings = listed.flat().filter((binding) => binding !== undefined);
      joined.set(of, { lists: listed, bindings });
      return bindings;
    },
    async probe() {
      await Promise.all(kinds.map(({ list }) => list.probe()));
    },
  };
}

/** An empty list is never the same array. */
function isSame(list: BindingList, other: BindingList | undefined): boolean {
  return list === other || (list.length === 0 && other?.length === 0);
}
