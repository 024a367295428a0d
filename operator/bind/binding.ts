import type { ProfileParameters } from '#lib/node/reference/localhost-profile';
import { quote } from '../../lib/text/quote.ts';
import type { LabelSelector } from '../api/label-selector.ts';
import type { ImagePattern } from '../api/shared/image-pattern.ts';

/** The kinds of objects that bind containers to profiles. */
export type BindingKind = 'ArtifactBinding' | 'ClusterArtifactBinding' | 'ProfileBinding';

/** The kinds of objects that hold an artifact. */
export type ArtifactKind = 'ProfileArtifact' | 'ClusterProfileArtifact';

/** Where a binding has its profile from. */
export type ProfileSource =
  /** An artifact, pinned to its digest. */
  | { readonly from: 'reference'; readonly reference: string }
  /** An object that holds one. */
  | { readonly from: 'artifact'; readonly kind: ArtifactKind; readonly name: string }
  /** What is attached to the image of the container. */
  | { readonly from: 'image' }
  /** A profile that is an object of the cluster. */
  | { readonly from: 'seccompProfile'; readonly name: string };

/** Which containers run under which profile: an object of any of the kinds. */
export interface Binding {
  readonly kind: BindingKind;
  readonly name: string;
  readonly podSelector: LabelSelector;
  /** Which namespaces it is for; all that it can be seen from by default. */
  readonly namespaceSelector?: LabelSelector | undefined;
  /** Which images; all by default, and `default` says that any pattern is more specific. */
  readonly images?: readonly ImagePattern[] | 'default' | undefined;
  /** The names of the containers; all by default. */
  readonly containers?: readonly string[] | undefined;
  readonly source: ProfileSource;
  readonly parameters: ProfileParameters;
}

/** Returns a binding for messages: `ArtifactBinding "nginx"`. */
export function titleOf({ kind, name }: Pick<Binding, 'kind' | 'name'>): string {
  return `${kind} ${quote(name, 253)}`;
}

/**
 * Returns a binding for annotations: its name, after its kind unless that is ArtifactBinding.
 */
export function labelOf({ kind, name }: Pick<Binding, 'kind' | 'name'>): string {
  return kind === 'ArtifactBinding' ? name : `${kind}/${name}`;
}

/** Returns bindings in the order in which messages and annotations name them. */
export function inOrder<T extends Pick<Binding, 'kind' | 'name'>>(bindings: readonly T[]): readonly T[] {
  return bindings.toSorted((a, b) => compareText(a.kind, b.kind) || compareText(a.name, b.name));
}

function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
