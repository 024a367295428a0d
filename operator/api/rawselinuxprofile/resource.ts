import { type ConvertedResource, profilesGroup } from '../shared/resource-definition.ts';
import { rawSelinuxProfileSchema } from './v1.ts';
import { rawSelinuxProfileV1alpha2Schema } from './v1alpha2.ts';

/** RawSelinuxProfile. */
export const rawSelinuxProfileResource: ConvertedResource = {
  group: profilesGroup,
  kind: 'RawSelinuxProfile',
  plural: 'rawselinuxprofiles',
  singular: 'rawselinuxprofile',
  shortNames: [],
  scope: 'Cluster',
  description:
    'An SELinux profile, as a policy in CIL, for what a SelinuxProfile cannot express. It is installed on the nodes ' +
    'as it is written.',
  columns: [
    { name: 'Usage', type: 'string', jsonPath: '.status.usage' },
    { name: 'State', type: 'string', jsonPath: '.status.status' },
  ],
  stored: { name: 'v1', schema: rawSelinuxProfileSchema },
  older: { name: 'v1alpha2', schema: rawSelinuxProfileV1alpha2Schema },
};
