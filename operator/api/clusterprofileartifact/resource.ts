import { followedArtifactColumns } from '../shared/followed-artifact.ts';
import { fairleadGroup, type ResourceDefinition } from '../shared/resource-definition.ts';
import { clusterProfileArtifactSchema } from './v1alpha1.ts';

/** ClusterProfileArtifact. */
export const clusterProfileArtifactResource: ResourceDefinition = {
  group: fairleadGroup,
  kind: 'ClusterProfileArtifact',
  plural: 'clusterprofileartifacts',
  singular: 'clusterprofileartifact',
  shortNames: ['cpa'],
  scope: 'Cluster',
  description: 'An artifact that bindings of all namespaces name, otherwise as a ProfileArtifact.',
  columns: followedArtifactColumns,
  stored: { name: 'v1alpha1', schema: clusterProfileArtifactSchema },
};
