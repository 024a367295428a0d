import type { Pod, PodSeccompProfile } from '../api/pod.ts';
import { labelOf } from '../bind/binding.ts';
import { type BoundProfile, coversProfile, localhostProfileOf, namedProfile } from '../bind/bound-profile.ts';
import { type BindingContext, bindingsFor, exemptionOf, governing } from '../bind/decide.ts';
import { judge } from '../bind/judge.ts';
import { allSettings, podSetting, type SeccompSetting } from '../bind/seccomp-setting.ts';
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
}

/** Where the files of profile objects are, below the seccomp directory of the kubelet. */
const profileObjectsDirectory = 'operator/';

/**
 * Returns what the containers of a pod run under, and what they would get now by the function that
 * admission decides with. The labels of the namespace are known to the caller's context, or else
 * only bindings of the namespace count.
 */
export function podCoverage(pod: Pod, context: BindingContext): readonly ContainerCoverage[] {
  const own = podSetting(pod);
  const containers = allSettings(pod).filter(({ container }) => container !== undefined);
  const isExempt = exemptionOf(pod) !== undefined;
  const forNamespace = bindingsFor(context);
  const bindings = 'outcome' in forNamespace || isExempt ? [] : governing(pod, forNamespace, context);
  return containers.map((setting) => {
    const wish = setting.wish ?? own.wish;
    const profile = wish && namedProfile(wish);
    const place = judge(setting, bindings, context);
    const wanted = place && 'profile' in place.judgement ? place.judgement.profile : undefined;
    return {
      title: setting.title,
      state: isExempt ? 'Exempt' : stateOf(setting, wish, profile),
      profile: profile && localhostProfileOf(profile),
      bindings: place?.bindings.map(labelOf) ?? [],
      wanted: wanted && localhostProfileOf(wanted),
      problem: place && judgementProblem(place.judgement),
      isOutdated: wanted !== undefined && (profile === undefined || !coversProfile(profile, wanted)),
    };
  });
}

function stateOf(
  { privileged }: SeccompSetting,
  wish: PodSeccompProfile | undefined,
  profile: BoundProfile | undefined,
): CoverageState {
  if (privileged) return 'Privileged';
  if (profile !== undefined) {
    if ('artifact' in profile) return profile.artifact.mode === 'Log' ? 'LoggedArtifact' : 'Artifact';
    return profile.file.startsWith(profileObjectsDirectory) ? 'ProfileObject' : 'File';
  }
  if (wish === undefined) return 'Unset';
  return wish.type === 'RuntimeDefault' ? 'RuntimeDefault' : 'Unconfined';
}

/** Reports whether somebody has vouched for what a container runs under, and it is enforced. */
export function isVouchedFor({ state }: Pick<ContainerCoverage, 'state'>): boolean {
  return state === 'Artifact' || state === 'ProfileObject' || state === 'Exempt';
}
