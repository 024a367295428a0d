import * as v from 'valibot';
import type { ErrorKind } from '#lib/errors';
import { readProfileRefusal } from '#lib/node/reference/profile-refusal';
import { escapeControls, shorten } from '#lib/text/quote';
import { artifactKey, namedArtifact } from '../api/profile-reference.ts';

/** Why a node refuses an artifact. */
export interface NodeRefusal {
  readonly kind: ErrorKind;
  /** The node's own words, at most 1024 characters on one line. */
  readonly reason: string;
}

/** What a pod shows about one artifact that it names. */
export interface PodDecision {
  /** The artifact, as {@link artifactKey} writes it. */
  readonly artifact: string;
  /** `awaited` while the pod has no sandbox: why it has none is in an event. */
  readonly decision: 'accepted' | 'awaited' | NodeRefusal;
  readonly node: string;
  /** The pod, if the decision is awaited: another one may have had its name. */
  readonly uid?: string;
}

/** Most artifacts of one pod of which decisions are held. */
const most = 20;
/** The longest name of a node. */
const longestName = 253;

const absentOr = <T extends v.GenericSchema>(schema: T) =>
  v.pipe(
    v.nullish(schema),
    v.transform((value) => value ?? undefined),
  );

const text = absentOr(v.string());
const profile = absentOr(v.object({ localhostProfile: text, oci: absentOr(v.object({ ref: text, reference: text })) }));
const profiles = { seccompProfile: profile, appArmorProfile: profile };
const containers = v.nullish(
  v.array(
    v.object({
      name: v.string(),
      securityContext: absentOr(v.object({ ...profiles, privileged: absentOr(v.boolean()) })),
    }),
  ),
  [],
);
const statuses = v.nullish(
  v.array(
    v.object({
      name: v.string(),
      containerID: text,
      state: absentOr(
        v.object({ running: absentOr(v.object({})), waiting: absentOr(v.object({ reason: text, message: text })) }),
      ),
    }),
  ),
  [],
);

const podSchema = v.object({
  metadata: v.object({ uid: v.nullish(v.string(), '') }),
  spec: v.object({
    nodeName: v.pipe(v.string(), v.nonEmpty()),
    securityContext: absentOr(v.object(profiles)),
    containers,
    initContainers: containers,
    ephemeralContainers: containers,
  }),
  status: v.object({
    phase: text,
    conditions: v.nullish(v.array(v.object({ type: v.string(), status: v.string() })), []),
    containerStatuses: statuses,
    initContainerStatuses: statuses,
    ephemeralContainerStatuses: statuses,
  }),
});
type ReadPod = v.InferOutput<typeof podSchema>;
type Profiles = Pick<NonNullable<ReadPod['spec']['securityContext']>, 'seccompProfile' | 'appArmorProfile'>;
type Container = NonNullable<ReadPod['spec']['containers']>[number];
type ContainerStatus = NonNullable<ReadPod['status']['containerStatuses']>[number];

/**
 * Returns what a pod (core/v1) shows about the artifacts that it names, one decision for each of
 * them, refusals first: a container that runs under an artifact was accepted by its node, and one
 * that waits may have been refused. Returns nothing for a pod that no node runs, or that has ended.
 */
export function podDecisions(object: unknown): readonly PodDecision[] {
  const read = v.safeParse(podSchema, object);
  if (!read.success) return [];
  const { metadata, spec, status } = read.output;
  if (hasEnded(status)) return [];
  const node = escapeControls(shorten(spec.nodeName, longestName));
  const awaited = hasSandbox(status) ? [] : namedBy(spec.securityContext);
  const found: Omit<PodDecision, 'node'>[] = [
    ...[...refusals(read.output)].map(({ artifact, decision }) => ({ artifact, decision })),
    ...acceptances(read.output),
    ...awaited.map((artifact) => ({ artifact, decision: 'awaited' as const, uid: metadata.uid })),
  ];
  const first = new Map<string, PodDecision>();
  for (const decision of found) {
    if (first.size < most && !first.has(decision.artifact)) first.set(decision.artifact, { ...decision, node });
  }
  return [...first.values()];
}

/** A refusal of a node, for which a container waits. */
export interface ContainerRefusal extends NodeRefusal {
  readonly node: string;
}

/**
 * Returns for which refusals the containers of a pod (core/v1) wait, by the name of the container.
 * Names are unique in a pod. What keeps a pod from having a sandbox is in an event only.
 */
export function containerRefusals(object: unknown): ReadonlyMap<string, ContainerRefusal> {
  const read = v.safeParse(podSchema, object);
  if (!read.success || hasEnded(read.output.status)) return new Map();
  const node = escapeControls(shorten(read.output.spec.nodeName, longestName));
  return new Map([...refusals(read.output)].map(({ container, decision }) => [container, { ...decision, node }]));
}

/** Pairs the containers of a pod with their statuses. */
function* withStatus({ spec, status }: ReadPod): Iterable<readonly [Container, ContainerStatus]> {
  for (const [list, all] of [
    [spec.initContainers, status.initContainerStatuses],
    [spec.containers, status.containerStatuses],
    [spec.ephemeralContainers, status.ephemeralContainerStatuses],
  ] as const) {
    const byName = new Map(all.map((each) => [each.name, each]));
    for (const container of list) {
      const own = byName.get(container.name);
      if (own !== undefined) yield [container, own];
    }
  }
}

function* refusals(pod: ReadPod): Iterable<{
  readonly container: string;
  readonly artifact: string;
  readonly decision: NodeRefusal;
}> {
  for (const [container, { state }] of withStatus(pod)) {
    // The messages of other reasons are from other programs, such as a registry of images.
    if (state?.waiting?.reason !== 'CreateContainerError') continue;
    const refusal = readProfileRefusal(state.waiting.message ?? '');
    if (refusal === undefined) continue;
    const { reference, kind, reason } = refusal;
    const artifact = artifactKey(reference);
    if (namedFor(container, pod).includes(artifact))
      yield { container: container.name, artifact, decision: { kind, reason } };
  }
}

function* acceptances(pod: ReadPod): Iterable<{ readonly artifact: string; readonly decision: 'accepted' }> {
  for (const [container, { containerID = '', state }] of withStatus(pod)) {
    // Runtimes apply nothing to a privileged container.
    if (state?.running === undefined || containerID === '' || container.securityContext?.privileged) continue;
    for (const artifact of namedFor(container, pod)) yield { artifact, decision: 'accepted' };
  }
}

/** Returns the artifacts that a container names, or inherits from the pod. */
function namedFor({ securityContext }: Container, { spec }: ReadPod): readonly string[] {
  const { seccompProfile, appArmorProfile } = spec.securityContext ?? {};
  return namedBy({
    seccompProfile: securityContext?.seccompProfile ?? seccompProfile,
    appArmorProfile: securityContext?.appArmorProfile ?? appArmorProfile,
  });
}

function namedBy({ seccompProfile, appArmorProfile }: Profiles = {}): readonly string[] {
  return [seccompProfile, appArmorProfile].flatMap((each) => {
    const native = each?.oci?.ref ?? each?.oci?.reference;
    const named = namedArtifact(native === undefined ? (each?.localhostProfile ?? '') : `oci/${native}`);
    return named === undefined ? [] : [artifactKey(named.reference)];
  });
}

function hasEnded({ phase }: ReadPod['status']): boolean {
  return phase === 'Succeeded' || phase === 'Failed';
}

/** Reports whether the sandbox of a pod exists. */
function hasSandbox({ phase, conditions, ...lists }: ReadPod['status']): boolean {
  if (phase !== undefined && phase !== 'Pending') return true;
  if (conditions.some(({ type, status }) => type === 'PodReadyToStartContainers' && status === 'True')) return true;
  const all = [...lists.initContainerStatuses, ...lists.containerStatuses, ...lists.ephemeralContainerStatuses];
  // Kubelets before 1.29 have no such condition, and pull no image before there is a sandbox.
  return all.some(
    ({ containerID = '', state }) =>
      containerID !== '' || !['ContainerCreating', 'PodInitializing', undefined].includes(state?.waiting?.reason),
  );
}
