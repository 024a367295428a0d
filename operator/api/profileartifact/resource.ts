import { followedArtifactColumns } from '../shared/followed-artifact.ts';
import { fairleadGroup, type ResourceDefinition } from '../shared/resource-definition.ts';
import { profileArtifactSchema } from './v1alpha1.ts';

/** ProfileArtifact. */
export const profileArtifactResource: ResourceDefinition = {
  group: fairleadGroup,
  kind: 'ProfileArtifact',
  plural: 'profileartifacts',
  singular: 'profileartifact',
  shortNames: ['pa'],
  scope: 'Namespaced',
  description:
    'An artifact that bindings of its namespace name: the operator resolves its reference, verifies it by the trust policy of the cluster, and keeps the digest in force. A new digest is taken if the specification asks for it, and applies to new pods.',
  columns: followedArtifactColumns,
  stored: { name: 'v1alpha1', schema: profileArtifactSchema },
};
