import { quote } from '../../lib/text/quote.ts';
import type { PodSeccompProfile } from '../api/pod.ts';
import {
  type BoundProfile,
  coversProfile,
  localhostProfileOf,
  namedProfile,
  sameBoundProfile,
} from './bound-profile.ts';
import { type OciField, ociProfile } from './delivery.ts';
import { type PatchOperation, pointerSegment } from './json-patch.ts';
import type { SeccompSetting } from './seccomp-setting.ts';

/**
 * The change that makes a place of a pod name its profile (empty if it does already), or what
 * contradicts it.
 */
export type Change = { readonly patch: readonly PatchOperation[] } | { readonly contradiction: string };

/** The pod around a container, which inherits its profile. */
export interface Surroundings {
  /** The setting of the pod itself. */
  readonly pod: SeccompSetting;
  /** The profile that bindings give to the pod itself, if they do. */
  readonly podProfile?: BoundProfile | undefined;
  /** Whether the pod itself is judged, or is as it was stored before. */
  readonly isPodJudged: boolean;
  /** Set where the type OCI is written; see delivery.ts. */
  readonly ociField?: OciField | undefined;
}

/** What the author of a pod asks for at a place. */
type Wish =
  | { readonly asks: 'nothing' }
  /** A profile that any other may be intersected with. */
  | { readonly asks: 'base'; readonly base: 'RuntimeDefault' | { readonly localhost: string } }
  | { readonly asks: 'profile'; readonly profile: BoundProfile; readonly text: string }
  | { readonly asks: 'else'; readonly text: string };

/**
 * Makes one place of a pod name the profile of its bindings. If the place asks for, or inherits:
 * - nothing: the profile is written;
 * - RuntimeDefault: the profile is written with the runtime's default as its base, because the
 *   baseline of a node may be looser;
 * - the artifact of the profile, with its base if it has one: this stays, with any base of its own;
 * - anything else (Unconfined, another file, another artifact): a contradiction. So is
 *   RuntimeDefault under a binding whose base is a file, because a reference carries one base, and
 *   under one whose profile is a file.
 *
 * A container gets the profile in its own field, also if it would inherit it: kubelets up to 1.24
 * prefer a container's seccomp annotation to the pod's field, and annotations can be changed after
 * the pod was admitted. Its own field comes first in all versions. There it is a Localhost
 * reference, unless all kubelets know the type OCI: those before 1.38 run it unconfined.
 */
export function settle(setting: SeccompSetting, surroundings: Surroundings, profile: BoundProfile): Change {
  const { title, field, wish, privileged, container } = setting;
  if (privileged) return { contradiction: `${title} is privileged, and no seccomp profile applies to that` };
  const { ociField } = surroundings;
  if (field !== undefined && (container === undefined || field.type !== 'OCI' || ociField !== undefined)) {
    const named = namedProfile(field);
    if (named !== undefined && coversProfile(named, profile)) return { patch: [] };
  }
  const asked = wish === undefined ? inherited(surroundings, profile) : wishOf(wish);
  const target = combine(asked, profile);
  if (target !== undefined) return { patch: write(setting, target, ociField) };
  if (asked.asks === 'base') return { contradiction: `${title} asks for ${baseText(asked.base)}, ${reason(profile)}` };
  const verb = wish === undefined ? 'inherits' : 'specifies';
  return { contradiction: `${title} ${verb} ${asked.asks === 'nothing' ? 'nothing' : asked.text}` };
}

function wishOf(wish: PodSeccompProfile | undefined): Wish {
  if (wish === undefined) return { asks: 'nothing' };
  if (wish.type === 'RuntimeDefault') return { asks: 'base', base: 'RuntimeDefault' };
  const profile = namedProfile(wish);
  return profile === undefined
    ? { asks: 'else', text: describe(wish) }
    : { asks: 'profile', profile, text: describe(wish) };
}

/**
 * Returns what a container without a setting of its own asks for by that of the pod. A profile that
 * bindings give to the pod itself is not the author's wish for a container that another binding
 * decides on, except for what the author has intersected it with. What contradicts the profile of
 * the pod itself is reported there, and a pod that was stored before may be older than its
 * bindings.
 */
function inherited({ pod, podProfile, isPodJudged }: Surroundings, profile: BoundProfile): Wish {
  const wish = wishOf(pod.wish);
  if (wish.asks === 'nothing' || wish.asks === 'base') return wish;
  if (wish.asks === 'profile' && coversProfile(wish.profile, profile)) return wish;
  const isOfBindings = wish.asks === 'profile' && podProfile !== undefined && coversProfile(wish.profile, podProfile);
  if (isPodJudged && podProfile === undefined) return wish;
  return wish.asks === 'profile' && (isOfBindings || !isPodJudged)
    ? ownBase(wish.profile, podProfile)
    : { asks: 'nothing' };
}

/** Returns the base that a pod has beyond that of its bindings. */
function ownBase(profile: BoundProfile, ofBindings: BoundProfile | undefined): Wish {
  const [base, other] = [profile, ofBindings].map((each) =>
    each !== undefined && 'artifact' in each ? each.artifact.base : undefined,
  );
  return base === undefined || JSON.stringify(base) === JSON.stringify(other)
    ? { asks: 'nothing' }
    : { asks: 'base', base };
}

/**
 * Returns the loosest profile that is no looser than both, or undefined if no reference names it.
 */
function combine(asked: Wish, profile: BoundProfile): BoundProfile | undefined {
  switch (asked.asks) {
    case 'nothing':
      return profile;
    case 'profile':
      return coversProfile(asked.profile, profile) ? asked.profile : undefined;
    case 'base': {
      if ('file' in profile) return undefined;
      const based = { artifact: { ...profile.artifact, base: asked.base } };
      return profile.artifact.base === undefined || sameBoundProfile(based, profile) ? based : undefined;
    }
    case 'else':
      return undefined;
  }
}

function baseText(base: 'RuntimeDefault' | { readonly localhost: string }): string {
  return base === 'RuntimeDefault' ? base : `the base profile ${quote(base.localhost, 600)}`;
}

function reason(profile: BoundProfile): string {
  return 'file' in profile
    ? 'and a node intersects no profile with a file that a pod names'
    : 'and a node intersects an artifact with one base only';
}

function describe({ type, localhostProfile, oci }: PodSeccompProfile): string {
  const what = localhostProfile ?? oci?.reference;
  return what === undefined ? quote(type).slice(1, -1) : `${quote(type).slice(1, -1)} ${quote(what, 600)}`;
}

function write(
  { pointer, hasSecurityContext, annotation }: SeccompSetting,
  target: BoundProfile,
  ociField: OciField | undefined,
): PatchOperation[] {
  const native = ociField !== undefined && 'artifact' in target ? ociProfile(target.artifact, ociField) : undefined;
  const seccompProfile = native ?? { type: 'Localhost', localhostProfile: localhostProfileOf(target) };
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
