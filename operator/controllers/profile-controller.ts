import { isNotFound } from '#lib/kube/api-error';
import type { ApiServer } from '#lib/kube/api-server';
import { type Reconciled, runController, writeWithin } from '#lib/kube/controller';
import type { KubeLog } from '#lib/kube/log';
import type { KubeMetrics } from '#lib/kube/metrics';
import type { ObjectClient } from '#lib/kube/object-client';
import { objectPath } from '#lib/kube/resource';
import { fieldManager } from '../kube/field-manager.ts';
import { type ClusterView, groupResource, nodeStatuses, profileKinds } from './cluster-view.ts';
import { type BaseDependencies, mergeBases } from './merge-bases.ts';
import { abandonedReason, type ProfileEvent } from './plan-profile.ts';
import { type ProfileResourceKind, profileResources } from './profile-kinds.ts';
import type { ProfileMetrics } from './profile-metrics.ts';
import { profileTriggers } from './profile-triggers.ts';
import { reconcileProfile } from './reconcile-profile.ts';
import type { StoredProfile } from './stored-profile.ts';

export interface ProfileControllerOptions {
  readonly api: Pick<ApiServer, 'get'>;
  readonly client: ObjectClient;
  readonly view: ClusterView;
  /** Returns the time of the API server, which notes when objects were deleted. */
  readonly now: () => Date;
  readonly log: KubeLog;
  readonly metrics?: KubeMetrics | undefined;
  readonly profileMetrics?: Pick<ProfileMetrics, 'countError'> | undefined;
  /** Pulls and verifies the base profiles of registries. */
  readonly pull: BaseDependencies['pull'];
  /** Reports an event about a profile to users. */
  readonly report: (profile: StoredProfile, event: ProfileEvent) => void;
}

const seccompProfiles = groupResource('SeccompProfile', profileResources.SeccompProfile.plural);

/**
 * Keeps states, finalizers and merged bases of all profiles up to date until `signal` aborts, and
 * resolves when what is being written then has been written.
 */
export async function runProfileControllers(options: ProfileControllerOptions, signal: AbortSignal): Promise<void> {
  const { client, view, log, metrics } = options;
  await Promise.all(
    profileKinds.map((kind) => {
      const informer = view.profiles[kind];
      const reconcile = (profile: StoredProfile): Promise<Reconciled> => reconcileStored(profile, options);
      const triggers = profileTriggers(kind, view);
      const name = profileResources[kind].plural;
      return runController({ name, client, fieldManager, informer, triggers, reconcile, log, metrics }, signal);
    }),
  );
}

/**
 * Brings a profile to the state that its object specifies. If its metadata has to change, that is
 * written first: the changed object is then reconciled again.
 */
async function reconcileStored(
  profile: StoredProfile,
  { api, client, view, now, profileMetrics, pull, report }: ProfileControllerOptions,
): Promise<Reconciled> {
  const { kind, metadata } = profile;
  const { name, resourceVersion } = metadata;
  if (profile.deletedAt !== undefined) view.checkCore();
  const plan = await reconcileProfile(profile, {
    workloads: (usage) => view.workloads(usage),
    reports: (of) => view.reportsOf(of),
    nodes: () => view.nodeNames(),
    settings: () => view.settings(),
    mergeBases: (of) => mergeBases(of, { read: (base) => readSeccompProfile(api, base), pull }),
    now,
  });
  const gone = view.goneReports({ kind, name });
  if (gone.length > 0) view.checkCore();
  for (const report of gone) await ignoreNotFound(client.delete(nodeStatuses, { name: report }));
  if (plan.metadata !== undefined) {
    const patch = { metadata: { resourceVersion, ...plan.metadata } };
    const write = { fieldManager, answerWithin: writeWithin };
    await ignoreNotFound(client.mergePatch(resourceOf(kind), { name }, patch, write));
    for (const event of plan.events.filter(({ reason }) => reason === abandonedReason)) report(profile, event);
    return {};
  }
  for (const event of plan.events) {
    report(profile, event);
    if (event.type === 'Warning' && event.reason !== abandonedReason) profileMetrics?.countError(kind, event.reason);
  }
  return { status: plan.status, requeueAfter: plan.requeueAfter };
}

function resourceOf(kind: ProfileResourceKind) {
  return groupResource(kind, profileResources[kind].plural);
}

/** Returns a SeccompProfile as the API server returns it, with all digits of its numbers. */
function readSeccompProfile(api: Pick<ApiServer, 'get'>, name: string): Promise<string | undefined> {
  return ignoreNotFound(api.get({ path: objectPath(seccompProfiles, { name }), title: `get SeccompProfile ${name}` }));
}

/** Resolves with undefined if an object does not exist, for example because it was just deleted. */
async function ignoreNotFound<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (thrown) {
    if (isNotFound(thrown)) return undefined;
    throw thrown;
  }
}
