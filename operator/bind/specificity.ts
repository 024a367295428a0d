import type { StepBudget } from '#lib/trust/policy/match';
import type { ImageName } from '../api/shared/image-name.ts';
import type { Binding } from './binding.ts';
import { imageRank, imageRanks } from './image-rank.ts';

/** A container of a pod. */
export interface BoundContainer {
  readonly name: string;
  /** Undefined if it has no valid name. */
  readonly image: ImageName | undefined;
}

/**
 * How specific a binding is: numbers that are compared in their order, the larger one
 * being more specific.
 */
export type Specificity = readonly [containers: number, images: number, pods: number, namespace: number];

/**
 * Steps that the comparison of a pod with the patterns of its bindings may take: some milliseconds.
 * Hundreds of bindings with sensible patterns take a tenth of it.
 */
const mostSteps = 1_000_000;

/** The steps that comparisons with one pod may still take. */
export interface PodBudget extends StepBudget {
  /** The binding that has used up most of it, when it is used up. */
  tooExpensive?: Binding;
}

/** Returns a budget for the comparisons of one pod. */
export function podBudget(): PodBudget {
  return { steps: mostSteps };
}

/**
 * Returns how specific a binding that selects a pod is for a container of it or, without one, for
 * the pod itself, which runs its sandbox under a profile. Returns undefined if it does not match:
 * 1. naming containers, above not naming any;
 * 2. the most specific pattern that matches the image: a digest, a tag, a tag with wildcards, a
 *    repository, a repository with wildcards; then no patterns, and last a default;
 * 3. selecting pods by their labels, above selecting all;
 * 4. being for one namespace, above being for several.
 *
 * The pod itself has no name and no image. What selects by these, or takes the profile from the
 * image, does not match it. If the budget is used up, it is not known whether it does.
 */
export function specificityOf(
  binding: Binding,
  container: BoundContainer | undefined,
  budget: StepBudget,
): Specificity | undefined {
  const { podSelector, containers, images, source } = binding;
  if (container === undefined && (containers !== undefined || source.from === 'image')) return undefined;
  if (container !== undefined && containers?.includes(container.name) === false) return undefined;
  const image = rankFor(images, container?.image, budget);
  if (image === undefined) return undefined;
  return [
    containers === undefined ? 0 : 1,
    image,
    isEmpty(podSelector) ? 0 : 1,
    binding.kind === 'ClusterArtifactBinding' ? 0 : 1,
  ];
}

/**
 * Compares by the first number that differs: negative if `a` is less specific. A total preorder.
 */
export function compareSpecificity(a: Specificity, b: Specificity): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2] || a[3] - b[3];
}

/** The binding that has used up most of a budget. */
export interface TooExpensive {
  readonly tooExpensive: Binding;
}

/**
 * Returns the bindings that decide on a container or on the pod itself: the most specific ones of
 * those that match it. Returns the most expensive one if the budget is used up before.
 */
export function mostSpecific(
  bindings: readonly Binding[],
  container: BoundContainer | undefined,
  budget: PodBudget,
): readonly Binding[] | TooExpensive {
  if (budget.tooExpensive !== undefined) return { tooExpensive: budget.tooExpensive };
  let most: Specificity | undefined;
  let found: Binding[] = [];
  let expensive: { readonly binding: Binding; readonly steps: number } | undefined;
  for (const binding of bindings) {
    const before = budget.steps;
    const specificity = specificityOf(binding, container, budget);
    const steps = before - budget.steps;
    if (expensive === undefined || steps > expensive.steps) expensive = { binding, steps };
    if (budget.steps < 0) {
      budget.tooExpensive = expensive.binding;
      return { tooExpensive: expensive.binding };
    }
    if (specificity === undefined) continue;
    const order = most === undefined ? 1 : compareSpecificity(specificity, most);
    if (order > 0) [most, found] = [specificity, []];
    if (order >= 0) found.push(binding);
  }
  return found;
}

function rankFor(images: Binding['images'], image: ImageName | undefined, budget: StepBudget): number | undefined {
  if (images === undefined) return imageRanks.all;
  if (images === 'default') return imageRanks.default;
  return image && imageRank(images, image, budget);
}

function isEmpty({ matchLabels = {}, matchExpressions = [] }: Binding['podSelector']): boolean {
  return Object.keys(matchLabels).length === 0 && matchExpressions.length === 0;
}
