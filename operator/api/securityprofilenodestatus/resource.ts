import { type ConvertedResource, profilesGroup } from '../shared/resource-definition.ts';
import { securityProfileNodeStatusSchema } from './v1.ts';
import { securityProfileNodeStatusV1alpha1Schema } from './v1alpha1.ts';

/** SecurityProfileNodeStatus. */
export const securityProfileNodeStatusResource: ConvertedResource = {
  group: profilesGroup,
  kind: 'SecurityProfileNodeStatus',
  plural: 'securityprofilenodestatuses',
  singular: 'securityprofilenodestatus',
  shortNames: ['spns'],
  scope: 'Cluster',
  description:
    'The state of one profile on one node. The nodes write it, and the operator makes the status of the profile out ' +
    'of them.',
  columns: [
    { name: 'Status', type: 'string', jsonPath: '.status.status' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
    { name: 'Node', type: 'string', jsonPath: '.spec.nodeName', priority: 10 },
  ],
  stored: { name: 'v1', schema: securityProfileNodeStatusSchema },
  older: { name: 'v1alpha1', schema: securityProfileNodeStatusV1alpha1Schema },
};
