import type { ArtifactBinding } from './artifact-binding.ts';
import { type PatchOperation, pointerSegment } from './json-patch.ts';
import { selects } from './label-selector.ts';
import type { Pod, PodSeccompProfile } from './pod.ts';
import { containerSettings, podSetting, type SeccompSetting } from './seccomp-setting.ts';

/** Says on a bound pod which bindings decided, by name and with commas between. For people; nothing relies on it. */
export const boundByAnnotation = 'fairlead.dev/bound-by';

const mirrorPodAnnotation = 'kubernetes.io/config.mirror';

/** What comes of a pod under the bindings of its namespace. */
export type BindOutcome =
  | { readonly outcome: 'untouched'; readonly reason: string }
  | {
      readonly outcome: 'bound';
      /** Empty where the pod says already what the bindings want. */
      readonly patch: readonly PatchOperation[];
      /** Names of the bindings, sorted. */
      readonly bindings: readonly string[];
      readonly localhostProfile: string;
    }
  | { readonly outcome: 'refused'; readonly reason: string; readonly hint: string };

/**
 * Applies bindings to a pod that is to be created. After it the pod and every container of it name the one profile of
 * its bindings, or the pod is refused; the pod's author cannot loosen a binding. In each of these places:
 * - nothing said, or RuntimeDefault (which a bound profile is never looser than, because the node intersects it with
 *   its baseline): the binding's profile is written;
 * - the binding's own profile: left as it is, so that a second call changes nothing;
 * - anything else (Unconfined, another file, another artifact) contradicts the binding: the pod is refused.
 *
 * Also refused: a privileged container, to which runtimes apply no seccomp profile (KEP-6061 refuses it as well), and
 * bindings that name different profiles. Windows pods have no seccomp, and mirror pods only show what a kubelet runs
 * anyway: both are left alone.
 */
export function bindPod(pod: Pod, bindings: readonly ArtifactBinding[]): BindOutcome {
  if (pod.metadata.annotations?.has(mirrorPodAnnotation)) return { outcome: 'untouched', reason: 'a mirror pod' };
  return bind(pod, bindings, (profile, by) => {
    const settings = [
      podSetting(pod),
      ...containerSettings(pod, 'initContainers'),
      ...containerSettings(pod, 'containers'),
      ...containerSettings(pod, 'ephemeralContainers'),
    ];
    const changes = settings.map((setting) => settle(setting, profile));
    return [...changes, annotate(pod, by)];
  });
}

/**
 * Applies bindings to the ephemeral containers that an update adds to a running pod (`kubectl debug`), by the rules of
 * {@link bindPod}. What the pod had before cannot be changed any more and is not judged: it may be older than the
 * binding.
 */
export function bindEphemeralContainers(pod: Pod, before: Pod, bindings: readonly ArtifactBinding[]): BindOutcome {
  const old = new Set(containerSettings(before, 'ephemeralContainers').map(({ title }) => title));
  const added = containerSettings(pod, 'ephemeralContainers').filter(({ title }) => !old.has(title));
  if (added.length === 0) return { outcome: 'untouched', reason: 'no ephemeral container is added' };
  return bind(pod, bindings, (profile) => added.map((setting) => settle(setting, profile)));
}

/** A change of the pod, or what stands against it. */
type Change = { readonly patch: readonly PatchOperation[] } | { readonly contradiction: string };

function bind(
  pod: Pod,
  bindings: readonly ArtifactBinding[],
  change: (localhostProfile: string, bindings: readonly string[]) => readonly Change[],
): BindOutcome {
  if (pod.spec.os?.name === 'windows') return { outcome: 'untouched', reason: 'a Windows pod has no seccomp' };
  const labels = pod.metadata.labels ?? new Map<string, string>();
  const matching = bindings
    .filter(({ podSelector }) => selects(podSelector, labels))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const [first, ...others] = matching;
  if (first === undefined) return { outcome: 'untouched', reason: 'no binding selects it' };

  const localhostProfile = localhostProfileOf(first);
  const other = others.find((binding) => localhostProfileOf(binding) !== localhostProfile);
  if (other !== undefined) {
    return {
      outcome: 'refused',
      reason:
        'its ArtifactBindings disagree: ' +
        [first, other].map((b) => `${JSON.stringify(b.name)} says ${localhostProfileOf(b)}`).join(', '),
      hint: 'A pod runs under one profile. Let only one of the bindings select it, or let both name the same artifact and base.',
    };
  }

  const by = matching.map(({ name }) => name);
  const changes = change(localhostProfile, by);
  const contradictions = changes.flatMap((c) => ('contradiction' in c ? [c.contradiction] : []));
  if (contradictions.length > 0) {
    return {
      outcome: 'refused',
      reason: `ArtifactBinding ${by.map((name) => JSON.stringify(name)).join(', ')} says ${localhostProfile}, but ${contradictions.join('; ')}`,
      hint: 'Take these settings out of the pod, or let the binding not select it.',
    };
  }
  const patch = changes.flatMap((c) => ('patch' in c ? c.patch : []));
  return { outcome: 'bound', patch, bindings: by, localhostProfile };
}

/** The Localhost reference of a binding: `oci/<reference>[?base=<profile>]`, which cri-shim turns into the artifact. */
function localhostProfileOf({ reference, base }: ArtifactBinding): string {
  return `oci/${reference}${base === undefined ? '' : `?base=${base}`}`;
}

/** Whether this is the profile already; natively (KEP-6061) there is no base. */
function names(profile: PodSeccompProfile | undefined, localhostProfile: string): boolean {
  if (profile?.type === 'Localhost') return profile.localhostProfile === localhostProfile;
  return profile?.type === 'OCI' && `oci/${profile.oci?.reference}` === localhostProfile;
}

/**
 * Makes one place name the profile. Containers get it too where the pod has it already, although they would inherit
 * it: kubelets up to 1.24 heed a container's seccomp annotation before the pod's field, and annotations can be changed
 * after the pod was admitted. A container's own field comes before everything in all versions.
 */
function settle(setting: SeccompSetting, localhostProfile: string): Change {
  const { title, pointer, field, wish, annotation, privileged, hasSecurityContext } = setting;
  if (privileged) return { contradiction: `${title} is privileged, and no seccomp profile applies to that` };
  if (names(field, localhostProfile)) return { patch: [] };
  if (wish !== undefined && wish.type !== 'RuntimeDefault' && !names(wish, localhostProfile)) {
    const what = wish.localhostProfile ?? wish.oci?.reference;
    return { contradiction: `${title} says ${wish.type}${what === undefined ? '' : ` ${JSON.stringify(what)}`}` };
  }
  const seccompProfile = { type: 'Localhost', localhostProfile };
  return {
    patch: [
      hasSecurityContext
        ? { op: 'add', path: `${pointer}/securityContext/seccompProfile`, value: seccompProfile }
        : { op: 'add', path: `${pointer}/securityContext`, value: { seccompProfile } },
      // The API server refuses a field and an annotation that differ.
      ...(annotation === undefined
        ? []
        : [{ op: 'remove', path: `/metadata/annotations/${pointerSegment(annotation)}` } as const]),
    ],
  };
}

function annotate(pod: Pod, by: readonly string[]): Change {
  const { annotations } = pod.metadata;
  const value = by.join(',');
  if (annotations === undefined) {
    return { patch: [{ op: 'add', path: '/metadata/annotations', value: { [boundByAnnotation]: value } }] };
  }
  if (annotations.get(boundByAnnotation) === value) return { patch: [] };
  return { patch: [{ op: 'add', path: `/metadata/annotations/${pointerSegment(boundByAnnotation)}`, value }] };
}
