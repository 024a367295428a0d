import * as v from 'valibot';
import {
  followedArtifactEntries,
  followedArtifactRules,
  followedArtifactStatusSchema,
} from '../shared/followed-artifact.ts';
import { pullSecretSchema } from '../shared/pull-secret.ts';

const specSchema = v.object({
  ...followedArtifactEntries,
  pullSecret: v.optional(
    pullSecretSchema(
      'A Secret of type kubernetes.io/dockerconfigjson in the namespace of the object, with which the operator reads the registry. Nodes do not use ' +
        'it: they need a credential provider, or credentials of their own.',
    ),
  ),
});

/** ProfileArtifact v1alpha1. */
export const profileArtifactSchema = v.object({
  spec: v.pipe(
    specSchema,
    ...followedArtifactRules<v.InferOutput<typeof specSchema>>(),
    v.description('Which artifact, and when another digest of it is taken.'),
  ),
  status: v.optional(followedArtifactStatusSchema),
});

/** ProfileArtifact v1alpha1. */
export type ProfileArtifact = v.InferOutput<typeof profileArtifactSchema>;
