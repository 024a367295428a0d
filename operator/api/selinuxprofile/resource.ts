import { type ConvertedResource, profilesGroup } from '../shared/resource-definition.ts';
import { selinuxProfileSchema } from './v1.ts';
import { selinuxProfileV1alpha2Schema } from './v1alpha2.ts';

/** SelinuxProfile. */
export const selinuxProfileResource: ConvertedResource = {
  group: profilesGroup,
  kind: 'SelinuxProfile',
  plural: 'selinuxprofiles',
  singular: 'selinuxprofile',
  shortNames: [],
  scope: 'Cluster',
  description:
    'An SELinux profile, as rules: what a container may do with objects of which types. It is compiled to a policy ' +
    'module that the nodes install, and pods use it as the SELinux type that its status names.',
  columns: [
    { name: 'Usage', type: 'string', jsonPath: '.status.usage' },
    { name: 'State', type: 'string', jsonPath: '.status.status' },
  ],
  stored: { name: 'v1', schema: selinuxProfileSchema },
  older: { name: 'v1alpha2', schema: selinuxProfileV1alpha2Schema },
};
