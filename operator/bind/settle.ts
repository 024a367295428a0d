import { formatLocalhostProfile, type ProfileReference } from '#lib/node/reference/localhost-profile';
import { quote } from '../../lib/text/quote.ts';
import type { PodSeccompProfile } from '../api/pod.ts';
import { covers, namedArtifact } from '../api/profile-reference.ts';
import { type PatchOperation, pointerSegment } from './json-patch.ts';
import type { SeccompSetting } from './seccomp-setting.ts';

/**
 * The change that makes a place of a pod name its profile (empty if it does already), or what
 * contradicts it.
 */
export type Change = { readonly patch: readonly PatchOperation[] } | { readonly contradiction: string };

/**
 * Makes one place of a pod name the profile of its bindings. `pod` is the setting of the pod
 * itself, which a container without one of its own inherits. If the place asks for, or inherits:
 * - nothing: the profile is written;
 * - RuntimeDefault: the profile is written with the runtime's default as its base, because the
 *   baseline of a node may be looser;
 * - the artifact of the profile, with its base if it has one: this stays, with any base of its own;
 * - anything else (Unconfined, another file, another artifact): a contradiction. So is
 *   RuntimeDefault under a binding whose base is a file, because a reference carries one base.
 *
 * A container gets the profile in its own field, also if it would inherit it: kubelets up to 1.24
 * prefer a container's seccomp annotation to the pod's field, and annotations can be changed after
 * the pod was admitted. Its own field comes first in all versions. There it is a Localhost
 * reference in any case: kubelets before 1.38 run type OCI unconfined.
 */
export function settle(setting: SeccompSetting, pod: SeccompSetting, profile: ProfileReference): Change {
  const { title, field, wish, privileged } = setting;
  if (privileged) return { contradiction: `${title} is privileged, and no seccomp profile applies to that` };
  const isContainer = setting.pointer !== pod.pointer;
  if (field !== undefined && !(isContainer && field.type === 'OCI')) {
    const artifact = artifactOf(field);
    if (artifact !== undefined && covers(artifact, profile)) return { patch: [] };
  }
  const asked = wish ?? (isOther(pod.wish, profile) ? undefined : pod.wish);
  if (isOther(asked, profile)) return { contradiction: `${title} specifies ${describe(asked)}` };
  const target = combine(asked, profile);
  if (target !== undefined) return { patch: write(setting, target) };
  return {
    contradiction: `${title} asks for RuntimeDefault, and a node intersects an artifact with one base only`,
  };
}

/**
 * Reports whether what a pod asks for is neither RuntimeDefault nor the artifact of the profile.
 */
function isOther(asked: PodSeccompProfile | undefined, profile: ProfileReference): asked is PodSeccompProfile {
  if (asked === undefined || asked.type === 'RuntimeDefault') return false;
  const artifact = artifactOf(asked);
  return artifact === undefined || !covers(artifact, profile);
}

/**
 * Returns the loosest profile that is no looser than both, or undefined if no reference names it.
 */
function combine(asked: PodSeccompProfile | undefined, profile: ProfileReference): ProfileReference | undefined {
  if (asked === undefined) return profile;
  const artifact = artifactOf(asked);
  if (artifact !== undefined) return artifact;
  if (profile.base !== undefined && profile.base !== 'RuntimeDefault') return undefined;
  return { ...profile, base: 'RuntimeDefault' };
}

/**
 * Returns the artifact that a seccomp profile names as a Localhost reference or natively
 * (KEP-6061), if it names one.
 */
export function artifactOf(profile: PodSeccompProfile): ProfileReference | undefined {
  if (profile.type === 'Localhost') return namedArtifact(profile.localhostProfile ?? '');
  const { reference, baseProfile } = profile.oci ?? {};
  if (profile.type !== 'OCI' || reference === undefined) return undefined;
  if (baseProfile === undefined) return { reference };
  if (baseProfile.type === 'RuntimeDefault') return { reference, base: 'RuntimeDefault' };
  return namedArtifact(`oci/${reference}?base=localhost/${baseProfile.localhostProfile ?? ''}`);
}

function describe({ type, localhostProfile, oci }: PodSeccompProfile): string {
  const what = localhostProfile ?? oci?.reference;
  return what === undefined ? quote(type).slice(1, -1) : `${quote(type).slice(1, -1)} ${quote(what, 600)}`;
}

function write(
  { pointer, hasSecurityContext, annotation }: SeccompSetting,
  target: ProfileReference,
): PatchOperation[] {
  const seccompProfile = { type: 'Localhost', localhostProfile: formatLocalhostProfile(target) };
  return [
    hasSecurityContext
      ? { op: 'add', path: `${pointer}/securityContext/seccompProfile`, value: seccompProfile }
      : { op: 'add', path: `${pointer}/securityContext`, value: { seccompProfile } },
    // The API server refuses a field and an annotation that differ.
    ...(annotation === undefined
      ? []
      : [{ op: 'remove', path: `/metadata/annotations/${pointerSegment(annotation)}` } as const]),
  ];
}
