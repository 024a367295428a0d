import { type ImageName, matchesImage } from '../api/shared/image-name.ts';
import type { ImagePattern } from '../api/shared/image-pattern.ts';
import type { Binding } from './binding.ts';

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

/** How specific patterns of images are, from those that match most. */
const imageRanks = {
  default: 0,
  all: 1,
  repositories: 2,
  repository: 3,
  tags: 4,
  tag: 5,
  digest: 6,
} as const;

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
 * image, does not match it.
 */
export function specificityOf(binding: Binding, container: BoundContainer | undefined): Specificity | undefined {
  const { podSelector, containers, images, source } = binding;
  if (container === undefined && (containers !== undefined || source.from === 'image')) return undefined;
  if (container !== undefined && containers?.includes(container.name) === false) return undefined;
  const image = imageRank(images, container?.image);
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

/**
 * Returns the bindings that decide on a container or on the pod itself: the most specific ones of
 * those that match it.
 */
export function mostSpecific(bindings: readonly Binding[], container: BoundContainer | undefined): readonly Binding[] {
  let most: Specificity | undefined;
  let found: Binding[] = [];
  for (const binding of bindings) {
    const specificity = specificityOf(binding, container);
    if (specificity === undefined) continue;
    const order = most === undefined ? 1 : compareSpecificity(specificity, most);
    if (order > 0) [most, found] = [specificity, []];
    if (order >= 0) found.push(binding);
  }
  return found;
}

function imageRank(images: Binding['images'], image: ImageName | undefined): number | undefined {
  if (images === undefined) return imageRanks.all;
  if (images === 'default') return imageRanks.default;
  if (image === undefined) return undefined;
  const ranks = images.filter((pattern) => matchesImage(pattern, image)).map(patternRank);
  return ranks.length === 0 ? undefined : Math.max(...ranks);
}

function patternRank({ repository, tag, digest }: ImagePattern): number {
  if (digest !== undefined) return imageRanks.digest;
  if (tag !== undefined) return tag.includes('*') ? imageRanks.tags : imageRanks.tag;
  return repository.includes('*') ? imageRanks.repositories : imageRanks.repository;
}

function isEmpty({ matchLabels = {}, matchExpressions = [] }: Binding['podSelector']): boolean {
  return Object.keys(matchLabels).length === 0 && matchExpressions.length === 0;
}
