import { formatLocalhostProfile, type ProfileReference } from '#lib/node/reference/localhost-profile';
import type { ArtifactBinding } from '../api/artifactbinding/v1alpha1/artifact-binding.ts';
import { selects } from '../api/label-selector.ts';
import type { Pod } from '../api/pod.ts';
import { sameProfile, sameRepository } from '../api/profile-reference.ts';
import type { PatchOperation } from './json-patch.ts';
import { allSettings, podSetting, type SeccompSetting } from './seccomp-setting.ts';
import { artifactOf, settle } from './settle.ts';

const mirrorPodAnnotation = 'kubernetes.io/config.mirror';
const osLabel = 'kubernetes.io/os';
/** Most contradictions, or bindings, in a message. */
const mostNamed = 20;

export interface Untouched {
  readonly outcome: 'untouched';
  readonly reason: string;
}

export interface Refused {
  readonly outcome: 'refused';
  readonly reason: string;
  readonly hint: string;
}

/**
 * What bindings decide on places of a pod: each of them names the profile, or does so after its
 * patch.
 */
export interface Decided {
  readonly outcome: 'decided';
  /** Names of the bindings, sorted. */
  readonly bindings: readonly string[];
  readonly localhostProfile: string;
  readonly places: readonly { readonly title: string; readonly patch: readonly PatchOperation[] }[];
}

/**
 * Decides on places of a pod under the bindings that govern it, by the rules of {@link settle}.
 * Refuses the pod if a place contradicts the profile, if the bindings name different profiles, and
 * if only `spec.os` keeps the pod off Linux nodes: API servers before 1.24 drop this field, and
 * kubelets before 1.24 do not heed it.
 */
export function decide(
  pod: Pod,
  settings: readonly SeccompSetting[],
  bindings: readonly ArtifactBinding[],
): Untouched | Refused | Decided {
  if (settings.length === 0) return { outcome: 'untouched', reason: 'nothing changes that a binding decides' };
  const [first, ...others] = bindings.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  if (first === undefined) return { outcome: 'untouched', reason: 'no binding selects it' };

  const profile = profileOf(first);
  const localhostProfile = formatLocalhostProfile(profile);
  const other = others.find((binding) => !sameProfile(profileOf(binding), profile));
  if (other !== undefined) {
    return {
      outcome: 'refused',
      reason:
        'its ArtifactBindings disagree: ' +
        [first, other]
          .map((b) => `${JSON.stringify(b.name)} specifies ${formatLocalhostProfile(profileOf(b))}`)
          .join(', '),
      hint: 'A pod runs under one profile. Change the selectors so that one binding selects it, or specify the same artifact and base in both.',
    };
  }

  const names = [first, ...others].map(({ name }) => name);
  const own = podSetting(pod);
  const changes = settings.map((setting) => ({ title: setting.title, change: settle(setting, own, profile) }));
  const contradictions = changes.flatMap(({ change }) => ('contradiction' in change ? [change.contradiction] : []));
  if (contradictions.length > 0) {
    const hint = 'Remove these settings from the pod, or change the selector of the binding.';
    return refuse({ bindings: names, localhostProfile }, contradictions, hint);
  }
  if (pod.spec.os?.name === 'windows') {
    const reason = 'spec.os.name alone does not keep a pod for Windows off Linux nodes of all versions';
    return refuse(
      { bindings: names, localhostProfile },
      [reason],
      `Add nodeSelector "${osLabel}: windows" to the pod.`,
    );
  }
  const places = changes.map(({ title, change }) => ({ title, patch: 'patch' in change ? change.patch : [] }));
  return { outcome: 'decided', bindings: names, localhostProfile, places };
}

/** Returns the refusal of a pod for what contradicts its bindings. */
export function refuse(
  { bindings, localhostProfile }: Pick<Decided, 'bindings' | 'localhostProfile'>,
  contradictions: readonly string[],
  hint: string,
): Refused {
  const names = fewNames(bindings.map((name) => JSON.stringify(name))).join(', ');
  const named = contradictions.slice(0, mostNamed);
  if (named.length < contradictions.length) named.push(`${contradictions.length - named.length} more`);
  const reason = `ArtifactBinding ${names} specifies ${localhostProfile}, but ${named.join('; ')}`;
  return { outcome: 'refused', reason, hint };
}

/**
 * Returns the first of some names, and `…` for the others. A namespace may have hundreds of
 * bindings that agree, and the annotations of a pod have 256 KiB in all.
 */
export function fewNames(names: readonly string[], most = mostNamed): readonly string[] {
  return names.length > most ? [...names.slice(0, most), '…'] : names;
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

/** Returns the bindings that select a pod by its labels. */
export function selecting(pod: Pod, bindings: readonly ArtifactBinding[]): ArtifactBinding[] {
  if (exemptionOf(pod) !== undefined) return [];
  const labels = pod.metadata.labels ?? new Map<string, string>();
  return bindings.filter(({ podSelector }) => selects(podSelector, labels));
}

/**
 * Returns the bindings that govern a pod that exists: those that select it, and those whose
 * artifact it runs under, in any version. Labels can be taken off a pod; the profile that it was
 * created with cannot.
 */
export function governing(pod: Pod, bindings: readonly ArtifactBinding[]): ArtifactBinding[] {
  if (exemptionOf(pod) !== undefined) return [];
  const artifacts = allSettings(pod).flatMap(({ field }) => (field && artifactOf(field)) ?? []);
  const selected = new Set(selecting(pod, bindings));
  return bindings.filter(
    (binding) => selected.has(binding) || artifacts.some((artifact) => sameRepository(artifact, profileOf(binding))),
  );
}

/** Returns the places of a pod that were not there before, or asked for another profile. */
export function changedSettings(pod: Pod, before: Pod): SeccompSetting[] {
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

function profileOf({ reference, base }: ArtifactBinding): ProfileReference {
  if (base === undefined) return { reference };
  return { reference, base: base === 'RuntimeDefault' ? base : { localhost: base } };
}
