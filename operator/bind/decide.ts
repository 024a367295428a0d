import type { Pod } from '../api/pod.ts';
import type { Binding } from './binding.ts';
import { BindingIndex } from './binding-index.ts';
import { type BoundProfile, namedProfile, originOf } from './bound-profile.ts';
import type { PatchOperation } from './json-patch.ts';
import { containerOf, judge } from './judge.ts';
import { refusalOf, refuse } from './refusal.ts';
import { type ResolvingContext, resolveProfile } from './resolve-profile.ts';
import { allSettings, podSetting, type SeccompSetting } from './seccomp-setting.ts';
import { settle } from './settle.ts';
import { podBudget } from './specificity.ts';
import { unappliedProfile } from './unapplied-profile.ts';

/** Set on the pods by which kubelets show what they run from their own files. */
export const mirrorPodAnnotation = 'kubernetes.io/config.mirror';
const osLabel = 'kubernetes.io/os';

export interface Untouched {
  readonly outcome: 'untouched';
  readonly reason: string;
}

export interface Refused {
  readonly outcome: 'refused';
  readonly reason: string;
  readonly hint: string;
  /** Set if the same pod may be admitted soon. */
  readonly isTemporary?: true;
}

/** A place of a pod that names its profile, or does so after its patch. */
export interface DecidedPlace {
  readonly title: string;
  /** Those that decide, in their order. */
  readonly bindings: readonly Binding[];
  readonly profile: BoundProfile;
  readonly patch: readonly PatchOperation[];
}

/** What bindings decide on places of a pod. */
export interface Decided {
  readonly outcome: 'decided';
  readonly places: readonly DecidedPlace[];
}

/** The bindings of a namespace and of the cluster, and what they refer to. */
export interface BindingContext extends ResolvingContext {
  readonly bindings: readonly Binding[];
}

/**
 * Decides on places of a pod under the bindings that govern it, by the rules of {@link judge} and
 * {@link settle}. Refuses the pod if bindings disagree, if a place contradicts its profile, if a
 * profile is not known, if the patterns of bindings take too long to compare, if nothing would be
 * applied of a profile that a place names, and if only `spec.os` keeps the pod off Linux nodes: API
 * servers before 1.24 drop this field, and kubelets before 1.24 do not heed it.
 */
export function decide(
  pod: Pod,
  settings: readonly SeccompSetting[],
  bindings: readonly Binding[],
  context: ResolvingContext,
): Untouched | Refused | Decided {
  if (settings.length === 0) return { outcome: 'untouched', reason: 'nothing changes that a binding decides' };
  const own = podSetting(pod);
  const budget = podBudget();
  const judged = settings.flatMap((setting) => judge(setting, bindings, context, budget) ?? []);
  const ofPod = judge(own, bindings, context, budget)?.judgement;
  const surroundings = {
    pod: own,
    podProfile: ofPod !== undefined && 'profile' in ofPod ? ofPod.profile : undefined,
    isPodJudged: settings.some(({ key }) => key === own.key),
    ociField: context.cluster.ociField?.(context.namespace),
  };
  const places = judged.flatMap((place) => {
    const { setting, bindings, judgement } = place;
    if (!('profile' in judgement)) return [];
    const { profile } = judgement;
    return [{ title: setting.title, bindings, profile, change: settle(setting, surroundings, profile) }];
  });
  const contradictions = places.flatMap(({ change, ...place }) =>
    'contradiction' in change ? [{ ...place, text: change.contradiction }] : [],
  );
  const isExempt = exemptionOf(pod) !== undefined;
  const unapplied = settings.flatMap((setting) => (isExempt ? [] : (unappliedProfile(pod, setting) ?? [])));
  const refusal = refusalOf({ judged, contradictions, unapplied });
  if (refusal !== undefined) return refusal;
  if (places.length === 0) return { outcome: 'untouched', reason: 'no binding selects it' };
  if (pod.spec.os?.name === 'windows') return refuseWindows(places);
  return {
    outcome: 'decided',
    places: places.map(({ change, ...place }) => ({ ...place, patch: 'patch' in change ? change.patch : [] })),
  };
}

function refuseWindows(places: readonly Pick<DecidedPlace, 'bindings' | 'profile'>[]): Refused {
  const text = 'spec.os.name alone does not keep a pod for Windows off Linux nodes of all versions';
  return refuse(
    places.slice(0, 1).map((place) => ({ ...place, text })),
    `Add nodeSelector "${osLabel}: windows" to the pod.`,
  );
}

/**
 * Returns why a pod runs under no binding, if that is so: mirror pods only show what a kubelet runs
 * from its own files, and no Linux kubelet, of any version, runs a pod whose node selector asks for
 * Windows.
 */
export function exemptionOf(pod: Pod): string | undefined {
  if (pod.metadata.annotations?.has(mirrorPodAnnotation)) return 'a mirror pod';
  if (pod.spec.nodeSelector?.get(osLabel) === 'windows') return 'a Windows pod has no seccomp';
  return undefined;
}

/**
 * Returns the bindings that are for a namespace, by its labels. Refuses what waits for them if the
 * labels are not known: those of a new namespace come a moment after it.
 */
export function bindingsFor({ namespace, bindings, cluster }: BindingContext): readonly Binding[] | Refused {
  const index = BindingIndex.of(bindings);
  if (!index.selectsNamespaces) return bindings;
  const labels = cluster.namespaceLabels(namespace);
  if (labels === undefined) {
    return {
      outcome: 'refused',
      reason: `the labels of the namespace ${namespace} are not known yet, by which ClusterArtifactBindings select it`,
      hint: 'Retry in a few seconds; Deployments, Jobs and other controllers retry by themselves.',
      isTemporary: true,
    };
  }
  return index.forNamespace(labels);
}

/** Returns the bindings that select a pod by its labels. */
export function selecting(pod: Pod, bindings: readonly Binding[]): readonly Binding[] {
  if (exemptionOf(pod) !== undefined) return [];
  return BindingIndex.of(bindings).forPod(pod.metadata.labels ?? new Map());
}

/**
 * Returns the bindings that govern a pod that exists: those that select it, and those whose
 * profile it runs under, in any version. Labels can be taken off a pod; the profile that it was
 * created with cannot.
 */
export function governing(pod: Pod, bindings: readonly Binding[], context: ResolvingContext): readonly Binding[] {
  if (exemptionOf(pod) !== undefined) return [];
  const settings = allSettings(pod);
  const profiles = settings.flatMap(({ field }) => (field && namedProfile(field)) ?? []);
  const origins = new Set(profiles.map(originOf));
  const selected = new Set(selecting(pod, bindings));
  const isUnder = (binding: Binding): boolean =>
    profilesOf(binding, settings, context).some((profile) => origins.has(originOf(profile)));
  return bindings.filter((binding) => selected.has(binding) || isUnder(binding));
}

/** Returns the profiles that a binding can have given to a pod, in some version. */
function profilesOf(
  binding: Binding,
  settings: readonly SeccompSetting[],
  context: ResolvingContext,
): readonly BoundProfile[] {
  if (binding.source.from !== 'image') {
    const resolution = resolveProfile(binding, undefined, context);
    return 'profile' in resolution ? [resolution.profile] : [];
  }
  // What is attached to an image is in its repository.
  return settings.flatMap((setting) => {
    const image = containerOf(setting)?.image;
    return image?.digest === undefined ? [] : [{ artifact: { reference: `${image.repository}@${image.digest}` } }];
  });
}

/** Returns the places of a pod that were not there before, or asked for another profile. */
export function changedSettings(pod: Pod, before: Pod): readonly SeccompSetting[] {
  const state = ({ key, wish, privileged }: SeccompSetting) => JSON.stringify([key, wish, privileged]);
  const old = new Set(allSettings(before).map(state));
  return allSettings(pod).filter((setting) => !old.has(state(setting)));
}

/**
 * Returns a pod as an API server stores it after an update of its ephemeral containers: these of
 * the request's object, and all else as before.
 */
export function withEphemeralContainers(before: Pod, { spec: { ephemeralContainers } }: Pod): Pod {
  return { metadata: before.metadata, spec: { ...before.spec, ephemeralContainers } };
}
