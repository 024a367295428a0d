import { bindingColumns } from '../shared/bound-profile.ts';
import { fairleadGroup, type ResourceDefinition } from '../shared/resource-definition.ts';
import { clusterArtifactBindingSchema } from './v1alpha1.ts';

/** ClusterArtifactBinding. */
export const clusterArtifactBindingResource: ResourceDefinition = {
  group: fairleadGroup,
  kind: 'ClusterArtifactBinding',
  plural: 'clusterartifactbindings',
  singular: 'clusterartifactbinding',
  shortNames: ['cab'],
  scope: 'Cluster',
  description:
    'Runs containers in all namespaces that namespaceSelector selects under a security profile that is an OCI artifact, as an ' +
    'ArtifactBinding does in its namespace. Where both match a container equally specifically, the ArtifactBinding decides.',
  columns: bindingColumns,
  stored: { name: 'v1alpha1', schema: clusterArtifactBindingSchema },
};
