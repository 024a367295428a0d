import { createHash } from 'node:crypto';
import type { ObjectToWrite } from '#lib/kube/kube-object';
import { selects } from '../api/label-selector.ts';
import type { ArtifactKind, Binding } from '../bind/binding.ts';
import { type PodBudget, podBudget, specificityOf } from '../bind/specificity.ts';
import { type PodTemplate, pinnedImageOf } from './pod-template.ts';

/** A binding that takes the profile from the image. */
export interface ImageBinding {
  readonly binding: Binding;
  readonly uid: string;
  readonly resourceVersion: string;
  /** Absent for a ClusterArtifactBinding. */
  readonly namespace?: string | undefined;
  readonly pullSecret?: { readonly name: string } | undefined;
}

/** An object that follows the profile of an image for a binding. */
export interface WantedProfile {
  readonly kind: ArtifactKind;
  /** The binding that needs it. */
  readonly binding: ImageBinding;
  readonly object: ObjectToWrite;
}

/** Set on the objects that are made here. */
export const madeLabel = 'fairlead.dev/made-for-binding';

/** Most objects; each of them is checked once an hour. */
export const mostProfiles = 1000;

/**
 * Returns an object for each image that a binding takes the profile from, of the containers that it
 * matches: what is to exist before their pods are created. At most {@link mostProfiles} of them,
 * and for a namespace only what can be compared with the patterns of bindings in the steps that one
 * pod may take.
 */
export function wantedProfiles(
  bindings: readonly ImageBinding[],
  templates: Iterable<PodTemplate>,
  namespaceLabels: (namespace: string) => ReadonlyMap<string, string> | undefined,
): ReadonlyMap<string, WantedProfile> {
  const wanted = new Map<string, WantedProfile>();
  const budgets = new Map<string, PodBudget>();
  for (const template of bindings.length === 0 ? [] : templates) {
    if (template.containers.length === 0) continue;
    const budget = budgets.get(template.namespace) ?? podBudget();
    budgets.set(template.namespace, budget);
    for (const each of bindings.filter((binding) => isFor(binding, template, namespaceLabels))) {
      for (const container of template.containers) {
        const image = pinnedImageOf(container);
        if (image === undefined || specificityOf(each.binding, container, budget) === undefined) continue;
        const profile = profileOf(each, image);
        wanted.set(profile.object.metadata.name, profile);
        if (wanted.size >= mostProfiles) return wanted;
      }
    }
  }
  return wanted;
}

function isFor(
  { namespace, binding }: ImageBinding,
  template: PodTemplate,
  namespaceLabels: (namespace: string) => ReadonlyMap<string, string> | undefined,
): boolean {
  if (namespace !== undefined && namespace !== template.namespace) return false;
  if (!selects(binding.podSelector, template.labels)) return false;
  if (binding.namespaceSelector === undefined) return true;
  const labels = namespaceLabels(template.namespace);
  return labels !== undefined && selects(binding.namespaceSelector, labels);
}

function profileOf(imageBinding: ImageBinding, image: string): WantedProfile {
  const { binding, uid, namespace, pullSecret } = imageBinding;
  const { kind, name } = binding;
  const hash = createHash('sha256')
    .update(JSON.stringify([kind, namespace, name, image]))
    .digest('hex')
    .slice(0, 20);
  return {
    kind: kind === 'ClusterArtifactBinding' ? 'ClusterProfileArtifact' : 'ProfileArtifact',
    binding: imageBinding,
    object: {
      metadata: {
        name: `image-${hash}`,
        ...(namespace !== undefined && { namespace }),
        labels: { [madeLabel]: 'true' },
        ownerReferences: [{ apiVersion: 'fairlead.dev/v1alpha1', kind, name, uid }],
      },
      spec: { image, update: { policy: 'Track', interval: '1h' }, ...(pullSecret && { pullSecret }) },
    },
  };
}
