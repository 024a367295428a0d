import { apparmorProfileResource } from './apparmorprofile/resource.ts';
import { artifactBindingResource } from './artifactbinding/resource.ts';
import { clusterArtifactBindingResource } from './clusterartifactbinding/resource.ts';
import { clusterProfileArtifactResource } from './clusterprofileartifact/resource.ts';
import { profileArtifactResource } from './profileartifact/resource.ts';
import { profileBindingResource } from './profilebinding/resource.ts';
import { profileRecordingResource } from './profilerecording/resource.ts';
import { rawSelinuxProfileResource } from './rawselinuxprofile/resource.ts';
import { seccompProfileResource } from './seccompprofile/resource.ts';
import { securityProfileNodeStatusResource } from './securityprofilenodestatus/resource.ts';
import { securityProfilesOperatorDaemonResource } from './securityprofilesoperatordaemon/resource.ts';
import { selinuxProfileResource } from './selinuxprofile/resource.ts';
import type { ConvertedResource, ResourceDefinition } from './shared/resource-definition.ts';
import { trustPolicyResource } from './trustpolicy/resource.ts';

/** All APIs of the group `security-profiles-operator.x-k8s.io`. */
export const resources: readonly ConvertedResource[] = [
  seccompProfileResource,
  selinuxProfileResource,
  rawSelinuxProfileResource,
  apparmorProfileResource,
  profileBindingResource,
  profileRecordingResource,
  securityProfilesOperatorDaemonResource,
  securityProfileNodeStatusResource,
];

/** All APIs of the group `fairlead.dev`. */
export const fairleadResources: readonly ResourceDefinition[] = [
  artifactBindingResource,
  clusterArtifactBindingResource,
  profileArtifactResource,
  clusterProfileArtifactResource,
  trustPolicyResource,
];

/** All APIs of the operator. */
export const allResources: readonly ResourceDefinition[] = [...resources, ...fairleadResources];
