import type { Pod, PodSeccompProfile } from '../api/pod.ts';
import { artifactKey } from '../api/profile-reference.ts';
import { labelOf } from '../bind/binding.ts';
import { type BoundProfile, coversProfile, localhostProfileOf, namedProfile } from '../bind/bound-profile.ts';
import { type BindingContext, bindingsFor, exemptionOf, governing } from '../bind/decide.ts';
import { type Judgement, judge } from '../bind/judge.ts';
import { allSettings, podSetting, type SeccompSetting } from '../bind/seccomp-setting.ts';
import { podBudget } from '../bind/specificity.ts';
import { judgementProblem } from './judgement-problem.ts';

/** What kind of seccomp profile a container runs under. */
export type CoverageState =
  /** An artifact, which nodes verify and enforce. */
  | 'Artifact'
  /** An artifact, of which nodes only log what it refuses. */
  | 'LoggedArtifact'
  /** A profile that is an object of the cluster, for which its RBAC vouches. */
  | 'ProfileObject'
  /** Another file of the node. */
  | 'File'
  | 'RuntimeDefault'
  /** None, unless the kubelet applies the default of the runtime. */
  | 'Unset'
  | 'Unconfined'
  /** None applies. */
  | 'Privileged'
  /** It has no seccomp. */
  | 'Exempt';

/** All states, from the strictest knowledge to none. */
export const coverageStates: readonly CoverageState[] = [
  ...(['Artifact', 'LoggedArtifact', 'ProfileObject', 'File', 'RuntimeDefault'] as const),
  ...(['Unset', 'Unconfined', 'Privileged', 'Exempt'] as const),
];

/** A container, and what it runs under. */
export interface ContainerState {
  /** The name of the container in messages: `container "app"`. */
  readonly title: string;
  /** Identifies the container in other versions of the pod. */
  readonly key: string;
  readonly state: CoverageState;
  /** The profile that it runs under, if it is a Localhost profile or an artifact. */
  readonly profile: BoundProfile | undefined;
  /** Whether the artifact is named by the type OCI (KEP-6061). */
  readonly isNative: boolean;
}

/** A container, what it runs under, and what it would get if it was created now. */
export interface ContainerCoverage {
  /** The name of the container in messages: `container "app"`. */
  readonly title: string;
  readonly state: CoverageState;
  /** The Localhost profile that it runs under, if it is one. */
  readonly profile: string | undefined;
  /** The bindings that decide on a new pod, in their order. */
  readonly bindings: readonly string[];
  /** The Localhost profile that these give. */
  readonly wanted: string | undefined;
  /** Why they give none. */
  readonly problem: string | undefined;
  /** Whether a new pod would run under another profile. */
  readonly isOutdated: boolean;
  /** Whether the trust policy no longer allows the artifact that it runs under. */
  readonly isWithdrawn: boolean;
}

/** Where the files of profile objects are, below the seccomp directory of the kubelet. */
const profileObjectsDirectory = 'operator/';

/**
 * Returns what the containers of a pod run under, and what they would get now by the function that
 * admission decides with. The labels of the namespace are known to the caller's context, or else
 * only bindings of the namespace count.
 */
export function podCoverage(pod: Pod, context: BindingContext): readonly ContainerCoverage[] {
  const settings = new Map(allSettings(pod).map((setting) => [setting.key, setting]));
  const isExempt = exemptionOf(pod) !== undefined;
  const forNamespace = bindingsFor(context);
  const bindings = 'outcome' in forNamespace || isExempt ? [] : governing(pod, forNamespace, context);
  const budget = podBudget();
  return containerStates(pod).map(({ title, key, state, profile }) => {
    const setting = settings.get(key);
    const place = setting && judge(setting, bindings, context, budget);
    const wanted = place && 'profile' in place.judgement ? place.judgement.profile : undefined;
    return {
      title,
      state,
      profile: profile && localhostProfileOf(profile),
      bindings: place?.bindings.map(labelOf) ?? [],
      wanted: wanted && localhostProfileOf(wanted),
      problem: place && judgementProblem(place.judgement),
      isWithdrawn: place !== undefined && isWithdrawn(profile, place.judgement),
      isOutdated: wanted !== undefined && (profile === undefined || !coversProfile(profile, wanted)),
    };
  });
}

function isWithdrawn(profile: BoundProfile | undefined, judgement: Judgement): boolean {
  if (!('withdrawn' in judgement) || judgement.withdrawn === undefined) return false;
  if (profile === undefined || 'file' in profile) return false;
  return artifactKey(profile.artifact.reference) === artifactKey(judgement.withdrawn);
}

/** Returns what the containers of a pod run under. */
export function containerStates(pod: Pod): readonly ContainerState[] {
  const own = podSetting(pod);
  const isExempt = exemptionOf(pod) !== undefined;
  return allSettings(pod).flatMap((setting) => {
    const { title, key, container } = setting;
    if (container === undefined) return [];
    const wish = setting.wish ?? own.wish;
    // Kubernetes before 1.27 copies annotations into fields, and newer ones ignore them: the field
    // alone says that there is a profile. Kubelets up to 1.24 may still follow an annotation.
    const applied = isVouchedFor({ state: stateOf(setting, wish) }) ? (setting.field ?? own.field) : wish;
    return {
      title,
      key,
      state: isExempt ? 'Exempt' : stateOf(setting, applied),
      profile: applied && namedProfile(applied),
      isNative: !isExempt && applied?.type === 'OCI',
    };
  });
}

function stateOf({ privileged }: SeccompSetting, wish: PodSeccompProfile | undefined): CoverageState {
  if (privileged) return 'Privileged';
  const profile = wish && namedProfile(wish);
  if (profile !== undefined) {
    if ('artifact' in profile) return profile.artifact.mode === 'Log' ? 'LoggedArtifact' : 'Artifact';
    return profile.file.startsWith(profileObjectsDirectory) ? 'ProfileObject' : 'File';
  }
  if (wish === undefined) return 'Unset';
  return wish.type === 'RuntimeDefault' ? 'RuntimeDefault' : 'Unconfined';
}

/** Reports whether what a container runs under is vouched for, and enforced. */
export function isVouchedFor({ state }: Pick<ContainerCoverage, 'state'>): boolean {
  return state === 'Artifact' || state === 'ProfileObject' || state === 'Exempt';
}
