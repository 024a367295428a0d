import { apparmorProfileResource } from './apparmorprofile/resource.ts';
import { profileBindingResource } from './profilebinding/resource.ts';
import { profileRecordingResource } from './profilerecording/resource.ts';
import { rawSelinuxProfileResource } from './rawselinuxprofile/resource.ts';
import { seccompProfileResource } from './seccompprofile/resource.ts';
import { securityProfileNodeStatusResource } from './securityprofilenodestatus/resource.ts';
import { securityProfilesOperatorDaemonResource } from './securityprofilesoperatordaemon/resource.ts';
import { selinuxProfileResource } from './selinuxprofile/resource.ts';
import type { ResourceDefinition } from './shared/resource-definition.ts';

/** All APIs of the group `security-profiles-operator.x-k8s.io`. */
export const resources: readonly ResourceDefinition[] = [
  seccompProfileResource,
  selinuxProfileResource,
  rawSelinuxProfileResource,
  apparmorProfileResource,
  profileBindingResource,
  profileRecordingResource,
  securityProfilesOperatorDaemonResource,
  securityProfileNodeStatusResource,
];
