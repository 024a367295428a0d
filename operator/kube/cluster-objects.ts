import { Departures } from '#lib/concurrency/flights';
import { FairleadError } from '#lib/errors';
import { isNotFound } from '#lib/kube/api-error';
import { Informer } from '#lib/kube/informer';
import type { InformerMetrics } from '#lib/kube/informer-options';
import type { KubeObject } from '#lib/kube/kube-object';
import type { KubeLog } from '#lib/kube/log';
import type { ObjectClient } from '#lib/kube/object-client';
import { objectKey, type Resource } from '#lib/kube/resource';
import { fairleadGroup, profilesGroup } from '../api/shared/resource-definition.ts';
import type { ArtifactKind } from '../bind/binding.ts';
import type { ClusterState, HeldArtifact, HeldSeccompProfile } from '../bind/cluster-state.ts';
import type { OciField } from '../bind/delivery.ts';
import { parseHeldSeccompProfile, parseStoredArtifact, type StoredArtifact } from './held-objects.ts';
import type { OciDelivery } from './oci-delivery.ts';

type Labels = ReadonlyMap<string, string>;
type ArtifactInformer = Informer<StoredArtifact, 'image'>;

/** The APIs of objects that hold an artifact. */
export const artifactResources: Readonly<Record<ArtifactKind, Resource>> = {
  ProfileArtifact: {
    ...{ group: fairleadGroup, version: 'v1alpha1', plural: 'profileartifacts', kind: 'ProfileArtifact' },
    namespaced: true,
  },
  ClusterProfileArtifact: {
    ...{ group: fairleadGroup, version: 'v1alpha1', plural: 'clusterprofileartifacts', kind: 'ClusterProfileArtifact' },
    namespaced: false,
  },
};
/** The API of SeccompProfiles. */
export const seccompProfiles: Resource = {
  ...{ group: profilesGroup, version: 'v1', plural: 'seccompprofiles', kind: 'SeccompProfile' },
  namespaced: false,
};
/** The API of Namespaces. */
export const namespaces: Resource = {
  group: '',
  version: 'v1',
  plural: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
};

/**
 * Seconds of a watch of namespaces. Their labels may require a profile: a connection that was lost
 * without a sign is noticed within 45 seconds, and they are asked for from then on.
 */
const namespaceWatchSeconds = 30;

export interface ClusterObjectsOptions {
  /** Where artifacts are written by the type OCI; nowhere by default. */
  readonly delivery?: Pick<OciDelivery, 'field'> | undefined;
  readonly client: ObjectClient;
  readonly log: KubeLog;
  readonly metrics?: InformerMetrics | undefined;
}

/**
 * The objects that bindings refer to, held in memory in each replica: an admission asks no
 * registry, and no API server for them. They may be a moment older than the API server's, so that a
 * pod is refused that would be admitted a moment later, or gets the digest that was in force a
 * moment ago. The labels of a namespace may not, where they decide which bindings are for a pod.
 */
export class ClusterObjects implements ClusterState {
  readonly #client: ObjectClient;
  readonly #delivery: Pick<OciDelivery, 'field'> | undefined;
  readonly #namespaces: Informer<Labels>;
  /** Namespaces that are asked for. */
  readonly #asked = new Departures<Labels | undefined>();
  readonly #artifacts: Readonly<Record<ArtifactKind, ArtifactInformer>>;
  readonly #seccompProfiles: Informer<HeldSeccompProfile>;

  constructor({ delivery, ...options }: ClusterObjectsOptions) {
    this.#client = options.client;
    this.#delivery = delivery;
    this.#namespaces = new Informer({
      ...options,
      resource: namespaces,
      parse: labelsOf,
      watchSeconds: namespaceWatchSeconds,
    });
    const artifacts = (kind: ArtifactKind): ArtifactInformer =>
      new Informer({
        ...options,
        resource: artifactResources[kind],
        parse: parseStoredArtifact,
        indexes: { image: ({ image }: StoredArtifact) => (image === undefined ? [] : [image]) },
      });
    this.#artifacts = {
      ProfileArtifact: artifacts('ProfileArtifact'),
      ClusterProfileArtifact: artifacts('ClusterProfileArtifact'),
    };
    this.#seccompProfiles = new Informer({ ...options, resource: seccompProfiles, parse: parseHeldSeccompProfile });
  }

  /** Begins to follow the objects. */
  start(): void {
    for (const informer of this.#all()) informer.start();
  }

  /** Resolves when no request is open any more. */
  async stop(): Promise<void> {
    await Promise.all(this.#all().map((informer) => informer.stop()));
  }

  /** Throws Unavailable, with the reason, if not all objects have been listed since the start. */
  check(): void {
    for (const { hasSynced, resource, problem } of this.#all()) {
      if (hasSynced) continue;
      const because = problem === undefined ? '' : `: ${problem.summary}`;
      throw new FairleadError('Unavailable', `the ${resource.kind}s have not been listed yet${because}`, {
        hint: problem?.hint ?? 'Try again in a few seconds.',
      });
    }
  }

  /**
   * Returns what is known, with the labels of a namespace: as they are held, or, if they have to be
   * `current`, as they are at a moment after this call. Labels that are not held are asked for, so
   * that the first pods of a namespace are not refused, and so are all while namespaces cannot be
   * followed. Throws what the client throws.
   */
  async stateFor(namespace: string, labels: 'held' | 'current'): Promise<ClusterState> {
    const { store, problem } = this.#namespaces;
    if (labels === 'held' && problem === undefined && store.get(namespace) !== undefined) return this;
    return await this.#stateWithLabels(namespace);
  }

  async #stateWithLabels(namespace: string): Promise<ClusterState> {
    const { result } = this.#asked.join(namespace, undefined, () => this.#ask(namespace));
    const labels = await result;
    return {
      namespaceLabels: (name) => (name === namespace ? labels : this.namespaceLabels(name)),
      artifact: (...of) => this.artifact(...of),
      imageArtifacts: (...of) => this.imageArtifacts(...of),
      seccompProfile: (name) => this.seccompProfile(name),
      ociField: (name) => (name === namespace ? this.#delivery?.field(labels) : this.ociField(name)),
    };
  }

  namespaceLabels(namespace: string): Labels | undefined {
    return this.#namespaces.store.get(namespace);
  }

  ociField(namespace: string): OciField | undefined {
    return this.#delivery?.field(this.namespaceLabels(namespace));
  }

  artifact(kind: ArtifactKind, namespace: string, name: string): HeldArtifact | undefined {
    const { resource, store } = this.#artifacts[kind];
    return store.get(objectKey(resource.namespaced ? { namespace, name } : { name }));
  }

  imageArtifacts(kind: ArtifactKind, namespace: string, image: string | undefined): readonly HeldArtifact[] {
    const { store } = this.#artifacts[kind];
    const attached =
      image === undefined
        ? [...store.values()].filter((each) => each.image !== undefined)
        : store.byIndex('image', image);
    return attached.filter((artifact) => artifact.namespace === undefined || artifact.namespace === namespace);
  }

  seccompProfile(name: string): HeldSeccompProfile | undefined {
    return this.#seccompProfiles.store.get(name);
  }

  /** Returns the labels of a namespace as they are now; undefined if it does not exist. */
  async #ask(namespace: string): Promise<Labels | undefined> {
    try {
      return labelsOf(await this.#client.get(namespaces, { name: namespace }));
    } catch (thrown) {
      if (isNotFound(thrown)) return undefined;
      throw thrown;
    }
  }

  #all(): readonly Pick<Informer<unknown>, 'start' | 'stop' | 'hasSynced' | 'problem' | 'resource'>[] {
    return [this.#namespaces, ...Object.values(this.#artifacts), this.#seccompProfiles];
  }
}

function labelsOf({ metadata }: KubeObject): Labels {
  return new Map(Object.entries(metadata.labels ?? {}));
}
