import * as v from 'valibot';
import { artifactRefSchema, bindingEntries, bindingRules, bindingStatusSchema } from '../shared/bound-profile.ts';
import { pullSecretSchema } from '../shared/pull-secret.ts';

const specSchema = v.object({
  ...bindingEntries,
  artifactRef: v.optional(artifactRefSchema(['ProfileArtifact', 'ClusterProfileArtifact'])),
  pullSecret: v.optional(
    pullSecretSchema(
      'With profileFrom: a Secret of type kubernetes.io/dockerconfigjson in the namespace of the binding, with which the operator reads the registries ' +
        'of the images.',
    ),
  ),
});

/** ArtifactBinding v1alpha1. */
export const artifactBindingSchema = v.object({
  spec: v.pipe(
    specSchema,
    ...bindingRules<v.InferOutput<typeof specSchema>>(),
    v.description('Which containers of the namespace get which profile.'),
  ),
  status: v.optional(bindingStatusSchema),
});

/** ArtifactBinding v1alpha1. */
export type ArtifactBindingObject = v.InferOutput<typeof artifactBindingSchema>;
