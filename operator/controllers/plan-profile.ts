import { setCondition } from '#lib/kube/conditions';
import type { Condition } from '../api/shared/condition.ts';
import { finalizersOf, inUseFinalizer, isForeign } from './finalizers.ts';
import { type MergedSyscalls, mergedCondition, mergedConditionType } from './merged-syscalls.ts';
import { profileResources } from './profile-kinds.ts';
import { type NodeReport, type OverallState, overallState, type Unknown } from './profile-state.ts';
import { annotations, type ProfileStatus, type StoredProfile } from './stored-profile.ts';

/** What is known of a profile, besides the object. */
export interface ProfileFacts {
  /** Names of pods (`namespace/name`) that use it. */
  readonly workloads: readonly string[];
  /** The reports of nodes that exist; undefined if they are not known. */
  readonly reports: readonly NodeReport[] | undefined;
  /** The nodes of the cluster; undefined if they are not known. */
  readonly nodes?: ReadonlySet<string> | undefined;
  /** Why it cannot be installed anywhere. */
  readonly problem?: { readonly reason: string; readonly message: string } | undefined;
  /** Why not all is known that decides on its state. What was decided before stays then. */
  readonly unknown?: Unknown | undefined;
  /** Its syscalls with those of its bases; undefined without a base, or if that has a problem. */
  readonly merged?: MergedSyscalls | undefined;
}

/** What is to be written of a profile. */
export interface ProfilePlan {
  /** The finalizers and annotations to patch; null removes an annotation. */
  readonly metadata?: {
    readonly finalizers?: readonly string[];
    readonly annotations?: Readonly<Record<string, string | null>>;
  };
  readonly status: ProfileStatus;
  readonly events: readonly ProfileEvent[];
  /** Milliseconds after which to decide again. */
  readonly requeueAfter?: number;
}

/** An event about a profile. */
export interface ProfileEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/** The reason of the event that a finalizer of a node was removed without an answer of the node. */
export const abandonedReason = 'NodeDidNotAnswer';

/** Pods that a status names; the condition has their number. */
const mostWorkloads = 100;

/** Returns what is to be written of a profile, so that it states what is known at this moment. */
export function planProfile(profile: StoredProfile, facts: ProfileFacts, now: Date): ProfilePlan {
  const held = planFinalizers(profile, facts, now);
  const status = statusOf(profile, facts, now);
  const changes = { ...held.annotations, ...baseAnnotations(profile, facts) };
  const finalizersChange = !sameSet(held.finalizers, profile.finalizers);
  const metadata = {
    ...(finalizersChange && { finalizers: held.finalizers }),
    ...(Object.keys(changes).length > 0 && { annotations: changes }),
  };
  const events = [...held.events, ...stateEvents(profile.status, status)];
  return {
    ...(Object.keys(metadata).length > 0 && { metadata }),
    status,
    events,
    ...(held.requeueAfter !== undefined && { requeueAfter: held.requeueAfter }),
  };
}

function planFinalizers(profile: StoredProfile, { workloads, reports, nodes }: ProfileFacts, now: Date) {
  const { deletedAt, finalizers } = profile;
  const isInUse = workloads.length > 0;
  // A client may have written it: a time in the future would keep the profile.
  const unusedSince = Date.parse(profile.annotations.get(annotations.unusedSince) ?? '');
  const isReleased = deletedAt !== undefined && !isInUse && finalizers.includes(inUseFinalizer);
  const since = isReleased ? now.getTime() : unusedSince <= now.getTime() ? unusedSince : 0;
  const decided = finalizersOf(
    {
      finalizers,
      ...(deletedAt !== undefined && { deletedAt: Math.max(deletedAt, since) }),
      isInUse,
      reporting: reports?.map(({ node }) => node),
      nodes,
    },
    now.getTime(),
  );
  const waits = decided.requeueAfter !== undefined;
  const events: ProfileEvent[] = decided.abandoned.map((finalizer) => ({
    type: 'Warning',
    reason: abandonedReason,
    message: `removed the finalizer ${finalizer}, whose owner did not remove it within five minutes; the profile may remain on the node`,
  }));
  return {
    ...decided,
    events,
    ...(isReleased && waits && { annotations: { [annotations.unusedSince]: now.toISOString() } }),
  };
}

function statusOf(profile: StoredProfile, facts: ProfileFacts, now: Date): ProfileStatus {
  const { kind, metadata, isDisabled, isPartial, deletedAt, finalizers } = profile;
  const { name, generation } = metadata;
  const { named, hasWorkloads } = profileResources[kind];
  const { workloads, problem, unknown, reports = [] } = facts;
  const overall = overallState({
    isDeleted: deletedAt !== undefined,
    isDisabled,
    isPartial,
    problem,
    unknown,
    before: decidedBefore(profile),
    reports,
    workloads,
    keptBy: finalizers.every(isForeign) ? finalizers : [],
  });
  const { state, ready, reason, message } = overall;
  const ready_ = {
    type: 'Ready',
    status: ready ? 'True' : 'False',
    reason,
    message,
    observedGeneration: generation,
  } as const;
  return {
    conditions: withMerged(setCondition(profile.status.conditions ?? [], ready_, now), profile, facts, now),
    status: state,
    ...named(name),
    ...(hasWorkloads && { activeWorkloads: workloads.toSorted().slice(0, mostWorkloads) }),
  };
}

/** Returns the state that was decided for the present specification, unless nothing was. */
function decidedBefore({ metadata, status }: StoredProfile): OverallState | undefined {
  const ready = status.conditions?.find(({ type }) => type === 'Ready');
  if (ready === undefined || ready.observedGeneration !== metadata.generation) return undefined;
  const { status: state = 'Pending' } = status;
  const { reason, message } = ready;
  return state === 'Pending' ? undefined : { state, ready: ready.status === 'True', reason, message };
}

/** Returns conditions with the one that vouches for the merged syscalls, if there are any. */
function withMerged(
  conditions: Condition[],
  { metadata, deletedAt }: StoredProfile,
  { merged }: ProfileFacts,
  now: Date,
): Condition[] {
  if (merged !== undefined) return setCondition(conditions, mergedCondition(merged, metadata.generation), now);
  return deletedAt === undefined ? conditions.filter(({ type }) => type !== mergedConditionType) : conditions;
}

/** Returns the annotations that say what bases were merged, as far as they change. */
function baseAnnotations(profile: StoredProfile, { merged }: ProfileFacts): Record<string, string | null> {
  // Nothing was merged for it: what it had last stays.
  if (profile.deletedAt !== undefined) return {};
  const wanted: Record<string, string | null> = {
    [annotations.syscalls]: merged?.syscalls ?? null,
    [annotations.bases]: merged === undefined || merged.artifacts.length === 0 ? null : merged.artifacts.join(','),
  };
  const changed = Object.entries(wanted).filter(([key, value]) => (profile.annotations.get(key) ?? null) !== value);
  return Object.fromEntries(changed);
}

function stateEvents(before: ProfileStatus, after: ProfileStatus): ProfileEvent[] {
  const [was, is] = [before, after].map(({ conditions = [] }) => conditions.find(({ type }) => type === 'Ready'));
  if (is === undefined || (was?.reason === is.reason && before.status === after.status)) return [];
  return [{ type: after.status === 'Error' ? 'Warning' : 'Normal', reason: is.reason, message: is.message }];
}

function sameSet(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((each) => other.includes(each));
}
