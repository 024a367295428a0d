import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import type { KubeObject } from '#lib/kube/kube-object';
import type { ObjectClient } from '#lib/kube/object-client';
import { type ObjectName, objectKey, type Resource } from '#lib/kube/resource';
import { type Condition, conditionSchema } from '../api/shared/condition.ts';
import type { ArtifactKind, Binding } from '../bind/binding.ts';
import type { ClusterState, HeldSeccompProfile } from '../bind/cluster-state.ts';
import type { BindingContext } from '../bind/decide.ts';
import type { CronJobs } from '../coverage/outdated-owners.ts';
import { type RunningPod, readRunningPod } from '../coverage/running-pod.ts';
import { isMarker } from './binding-marker.ts';
import { artifactResources, namespaces, seccompProfiles } from './cluster-objects.ts';
import { parseHeldSeccompProfile, parseStoredArtifact, type StoredArtifact } from './held-objects.ts';
import { bindingKinds } from './list-bindings.ts';

/** More objects of a kind are not read for a question of a person. */
const most = 50_000;

/** A binding, and its namespace unless it is for the cluster. */
export interface ListedBinding {
  readonly binding: Binding;
  readonly namespace: string | undefined;
  /** Its condition NodesAccept; undefined if it has none. */
  readonly nodesAccept: Pick<Condition, 'status' | 'reason' | 'message'> | undefined;
}

const statusSchema = v.object({ status: v.object({ conditions: v.array(conditionSchema) }) });

/** The bindings of a cluster, and what they refer to, as they were at one moment. */
export interface ClusterSnapshot {
  readonly bindings: readonly ListedBinding[];
  /** Returns what pods of a namespace are decided with. */
  contextOf(namespace: string): BindingContext;
}

/**
 * Reads the bindings of a namespace, or of all, and what they refer to. Throws what the client
 * throws: NotAllowed if a right is missing, NotFound if an API is not installed.
 */
export async function readSnapshot(client: ObjectClient, namespace: string | undefined): Promise<ClusterSnapshot> {
  const read = async (resource: Resource): Promise<readonly KubeObject[]> =>
    await client.list(resource, { most, ...(resource.namespaced && { namespace }) });
  const [listed, labels, profiles, artifacts, clusterArtifacts] = await Promise.all([
    Promise.all(
      bindingKinds.map(async ({ resource, parse }) =>
        (await read(resource)).filter((each) => !isMarker(each)).map((each) => listedBinding(each, parse)),
      ),
    ),
    read(namespaces),
    read(seccompProfiles),
    read(artifactResources.ProfileArtifact),
    read(artifactResources.ClusterProfileArtifact),
  ]);
  const bindings = listed.flat().filter((each) => each !== undefined);
  const cluster = new ListedObjects(labels, profiles, {
    ProfileArtifact: artifacts.map(parseStoredArtifact),
    ClusterProfileArtifact: clusterArtifacts.map(parseStoredArtifact),
  });
  return {
    bindings,
    contextOf: (name) => ({
      namespace: name,
      bindings: bindings.flatMap((each) =>
        each.namespace === undefined || each.namespace === name ? each.binding : [],
      ),
      cluster,
    }),
  };
}

function listedBinding(object: KubeObject, parse: (object: unknown) => Binding | undefined): ListedBinding | undefined {
  const binding = parse(object);
  if (binding === undefined) return undefined;
  const read = v.safeParse(statusSchema, object);
  const conditions = read.success ? read.output.status.conditions : [];
  const held = conditions.find(({ type }) => type === 'NodesAccept');
  const nodesAccept = held && { status: held.status, reason: held.reason, message: held.message };
  return { binding, namespace: object.metadata.namespace, nodesAccept };
}

class ListedObjects implements ClusterState {
  readonly #labels: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly #profiles: ReadonlyMap<string, HeldSeccompProfile>;
  readonly #artifacts: Readonly<Record<ArtifactKind, readonly StoredArtifact[]>>;

  constructor(
    labels: readonly KubeObject[],
    profiles: readonly KubeObject[],
    artifacts: Readonly<Record<ArtifactKind, readonly StoredArtifact[]>>,
  ) {
    this.#labels = new Map(
      labels.map(({ metadata }) => [metadata.name, new Map(Object.entries(metadata.labels ?? {}))]),
    );
    this.#profiles = new Map(profiles.map((each) => [each.metadata.name, parseHeldSeccompProfile(each)]));
    this.#artifacts = artifacts;
  }

  namespaceLabels(namespace: string): ReadonlyMap<string, string> | undefined {
    return this.#labels.get(namespace);
  }

  artifact(kind: ArtifactKind, namespace: string, name: string): StoredArtifact | undefined {
    const wanted = objectKey(kind === 'ProfileArtifact' ? { namespace, name } : { name });
    return this.#artifacts[kind].find((each) => objectKey(each) === wanted);
  }

  imageArtifacts(kind: ArtifactKind, namespace: string, image: string | undefined): readonly StoredArtifact[] {
    return this.#artifacts[kind].filter(
      (each) =>
        each.image !== undefined &&
        (image === undefined || each.image === image) &&
        (each.namespace === undefined || each.namespace === namespace),
    );
  }

  seccompProfile(name: string): HeldSeccompProfile | undefined {
    return this.#profiles.get(name);
  }
}

const pods: Resource = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', namespaced: true };

/** Reads the pods of a namespace, or of all. Throws as {@link readSnapshot} does. */
export async function readPods(client: ObjectClient, namespace: string | undefined): Promise<readonly RunningPod[]> {
  return (await client.list(pods, { most, namespace })).map(readRunningPod);
}

const jobs: Resource = { group: 'batch', version: 'v1', plural: 'jobs', kind: 'Job', namespaced: true };

const ownedSchema = v.object({
  ownerReferences: v.nullish(
    v.array(
      v.object({ apiVersion: v.string(), kind: v.string(), name: v.string(), controller: v.optional(v.boolean()) }),
    ),
    [],
  ),
});

/**
 * Reads which CronJobs have created the Jobs of a namespace, or of all. Throws as
 * {@link readSnapshot} does.
 */
export async function readCronJobs(client: ObjectClient, namespace: string | undefined): Promise<CronJobs> {
  const listed = await client.list(jobs, { most, namespace });
  return new Map(
    listed.flatMap(({ metadata }) => {
      const owner = v.parse(ownedSchema, metadata).ownerReferences.find(({ controller }) => controller === true);
      return owner?.kind === 'CronJob' && owner.apiVersion.startsWith('batch/')
        ? [[objectKey(metadata), owner] as const]
        : [];
    }),
  );
}

/**
 * Reads a pod, as the API server returns it and as bindings see it. Throws NotFound if it does not
 * exist.
 */
export async function readPod(
  client: ObjectClient,
  name: ObjectName,
): Promise<{ readonly object: KubeObject; readonly pod: RunningPod }> {
  try {
    const object = await client.get(pods, name);
    return { object, pod: readRunningPod(object) };
  } catch (thrown) {
    if (!(thrown instanceof FairleadError && thrown.kind === 'NotFound')) throw thrown;
    throw new FairleadError('NotFound', `there is no pod ${objectKey(name)}`, {
      cause: thrown,
      hint: `List the pods of the namespace: kubectl get pods -n ${name.namespace}`,
    });
  }
}
