import * as v from 'valibot';
import { bindingSelectorSchema } from '../label-selector.ts';
import { artifactRefSchema, bindingEntries, bindingRules, bindingStatusSchema } from '../shared/bound-profile.ts';
import { pullSecretSchema } from '../shared/pull-secret.ts';

const specSchema = v.object({
  ...bindingEntries,
  artifactRef: v.optional(artifactRefSchema(['ClusterProfileArtifact'])),
  namespaceSelector: v.pipe(
    bindingSelectorSchema,
    v.description(
      'The namespaces whose pods are bound, by their labels. The empty selector, namespaceSelector: {}, selects all.',
    ),
  ),
  pullSecret: v.optional(
    pullSecretSchema(
      'With profileFrom: a Secret of type kubernetes.io/dockerconfigjson in the namespace of the operator, with which the operator reads the registries ' +
        'of the images.',
    ),
  ),
});

/** ClusterArtifactBinding v1alpha1. */
export const clusterArtifactBindingSchema = v.object({
  spec: v.pipe(
    specSchema,
    ...bindingRules<v.InferOutput<typeof specSchema>>(),
    v.description('Which containers of the cluster get which profile.'),
  ),
  status: v.optional(bindingStatusSchema),
});

/** ClusterArtifactBinding v1alpha1. */
export type ClusterArtifactBinding = v.InferOutput<typeof clusterArtifactBindingSchema>;
