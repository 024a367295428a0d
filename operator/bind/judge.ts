import { type ImageName, parseImageName } from '../api/shared/image-name.ts';
import { type Binding, inOrder, titleOf } from './binding.ts';
import { type BoundProfile, localhostProfileOf, sameBoundProfile } from './bound-profile.ts';
import { type ResolvingContext, resolveProfile, type Unresolved } from './resolve-profile.ts';
import type { SeccompSetting } from './seccomp-setting.ts';
import { type BoundContainer, mostSpecific, type PodBudget, type TooExpensive } from './specificity.ts';

/** What bindings make of one place of a pod: its profile, or why it has none. */
export type Judgement =
  | { readonly profile: BoundProfile }
  /** Two bindings that are equally specific. */
  | { readonly conflict: string }
  | Unresolved;

/** A place of a pod on which bindings decide. */
export interface JudgedPlace {
  readonly setting: SeccompSetting;
  /** The most specific bindings, in their order; at least one. */
  readonly bindings: readonly Binding[];
  readonly judgement: Judgement;
}

/**
 * Returns what bindings that select a pod make of a place of it, or undefined if none matches. The
 * most specific one decides; if several are equally specific, they must agree. Neither the order of
 * the bindings, nor their age, nor their names matter. If comparing the image with their patterns
 * uses up the budget, what decides is not known.
 */
export function judge(
  setting: SeccompSetting,
  bindings: readonly Binding[],
  context: ResolvingContext,
  budget: PodBudget,
): JudgedPlace | undefined {
  const container = containerOf(setting);
  const unreadable = unreadableImage(setting, container, bindings);
  if (unreadable !== undefined) return unreadable;
  const specific = mostSpecific(bindings, container, budget);
  if ('tooExpensive' in specific) {
    return { setting, bindings: [specific.tooExpensive], judgement: expensivePatterns(specific) };
  }
  const deciding = inOrder(specific);
  if (deciding.length === 0) return undefined;
  return { setting, bindings: deciding, judgement: agree(deciding, container?.image, context) };
}

/** Returns the container of a place as bindings match it. */
export function containerOf({ container }: SeccompSetting): BoundContainer | undefined {
  return container && { name: container.name, image: parseImageName(container.image ?? '') };
}

function agree(bindings: readonly Binding[], image: ImageName | undefined, context: ResolvingContext): Judgement {
  let first: { readonly binding: Binding; readonly profile: BoundProfile } | undefined;
  const unresolved: Unresolved[] = [];
  for (const binding of bindings) {
    const resolution = resolveProfile(binding, image, context);
    if (!('profile' in resolution)) unresolved.push(resolution);
    else if (first === undefined) first = { binding, profile: resolution.profile };
    else if (!sameBoundProfile(first.profile, resolution.profile)) {
      const other = { binding, profile: resolution.profile };
      return { conflict: [first, other].map((each) => specifies([each.binding], each.profile)).join(', ') };
    }
  }
  const [problem] = [...unresolved.filter(({ isTemporary }) => !isTemporary), ...unresolved];
  if (problem !== undefined) return problem;
  if (first === undefined) throw new Error('no binding');
  return { profile: first.profile };
}

/** Returns which profile bindings specify, for messages. */
export function specifies(bindings: readonly Binding[], profile: BoundProfile): string {
  const titles = fewNames(bindings.map(titleOf)).join(', ');
  return `${titles} specif${bindings.length === 1 ? 'ies' : 'y'} ${localhostProfileOf(profile)}`;
}

/**
 * Returns the judgement for a container whose image has no valid name, if a binding that could
 * match it selects by images: whether it does is not known.
 */
function unreadableImage(
  setting: SeccompSetting,
  container: BoundContainer | undefined,
  bindings: readonly Binding[],
): JudgedPlace | undefined {
  if (container === undefined || container.image !== undefined) return undefined;
  const [binding] = inOrder(
    bindings.filter(
      ({ images, containers }) => Array.isArray(images) && containers?.includes(container.name) !== false,
    ),
  );
  if (binding === undefined) return undefined;
  return {
    setting,
    bindings: [binding],
    judgement: {
      problem: `${titleOf(binding)} selects by images, and the image of ${setting.title} has no valid name`,
      hint: 'Write the image as registry/repository:tag or registry/repository@sha256:….',
      isTemporary: false,
    },
  };
}

/** Returns the problem that comparing images with the patterns of bindings takes too long. */
export function expensivePatterns({ tooExpensive }: TooExpensive): Unresolved {
  return {
    problem: `${titleOf(tooExpensive)} has patterns of images that take too long to compare with the images of the pod`,
    hint: 'Write them with fewer wildcards, or let fewer bindings whose patterns have wildcards select the pod.',
    isTemporary: false,
  };
}

/** Most contradictions, or bindings, in a message. */
export const mostNamed = 20;

/**
 * Returns the first of some names, and `…` for the others. A namespace may have hundreds of
 * bindings that agree, and the annotations of a pod have 256 KiB in all.
 */
export function fewNames(names: readonly string[], most = mostNamed): readonly string[] {
  return names.length > most ? [...names.slice(0, most), '…'] : names;
}
