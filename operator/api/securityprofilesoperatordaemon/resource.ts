import { type ConvertedResource, profilesGroup } from '../shared/resource-definition.ts';
import { securityProfilesOperatorDaemonSchema } from './v1.ts';
import { securityProfilesOperatorDaemonV1alpha1Schema } from './v1alpha1.ts';

/** SecurityProfilesOperatorDaemon. */
export const securityProfilesOperatorDaemonResource: ConvertedResource = {
  group: profilesGroup,
  kind: 'SecurityProfilesOperatorDaemon',
  plural: 'securityprofilesoperatordaemons',
  singular: 'securityprofilesoperatordaemon',
  shortNames: ['spod'],
  scope: 'Namespaced',
  description:
    'The settings of the operator. The object with the name spod, in the namespace of the operator, is in force.',
  columns: [{ name: 'State', type: 'string', jsonPath: '.status.state' }],
  stored: { name: 'v1', schema: securityProfilesOperatorDaemonSchema },
  older: { name: 'v1alpha1', schema: securityProfilesOperatorDaemonV1alpha1Schema },
};
