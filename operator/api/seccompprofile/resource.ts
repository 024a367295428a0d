import { type ConvertedResource, profilesGroup } from '../shared/resource-definition.ts';
import { seccompProfileSchema } from './v1.ts';
import { seccompProfileV1beta1Schema } from './v1beta1.ts';

/** SeccompProfile. */
export const seccompProfileResource: ConvertedResource = {
  group: profilesGroup,
  kind: 'SeccompProfile',
  plural: 'seccompprofiles',
  singular: 'seccompprofile',
  shortNames: ['sp'],
  scope: 'Cluster',
  description:
    'A seccomp profile: which system calls a container may make. It is installed on the nodes as it is written, and pods use it ' +
    'as the Localhost profile that its status names.',
  columns: [
    { name: 'Status', type: 'string', jsonPath: '.status.status' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
    { name: 'LocalhostProfile', type: 'string', jsonPath: '.status.localhostProfile', priority: 10 },
  ],
  stored: { name: 'v1', schema: seccompProfileSchema },
  older: { name: 'v1beta1', schema: seccompProfileV1beta1Schema },
};
