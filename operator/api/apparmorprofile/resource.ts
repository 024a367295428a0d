import { type ConvertedResource, profilesGroup } from '../shared/resource-definition.ts';
import { apparmorProfileSchema } from './v1.ts';
import { apparmorProfileV1alpha1Schema } from './v1alpha1.ts';

/** AppArmorProfile. */
export const apparmorProfileResource: ConvertedResource = {
  group: profilesGroup,
  kind: 'AppArmorProfile',
  plural: 'apparmorprofiles',
  singular: 'apparmorprofile',
  shortNames: ['aa'],
  scope: 'Cluster',
  description:
    'An AppArmor profile: which programs, files, capabilities and networks a container may use. It is loaded into ' +
    'the kernel of the nodes under the name of the object.',
  columns: [{ name: 'Status', type: 'string', jsonPath: '.status.status' }],
  stored: { name: 'v1', schema: apparmorProfileSchema },
  older: { name: 'v1alpha1', schema: apparmorProfileV1alpha1Schema },
};
