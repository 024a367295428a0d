import { appArmorProfile } from './apparmorprofile.ts';
import { profileBinding } from './profilebinding.ts';
import { profileRecording } from './profilerecording.ts';
import { rawSelinuxProfile } from './rawselinuxprofile.ts';
import { seccompProfile } from './seccompprofile.ts';
import { securityProfileNodeStatus } from './securityprofilenodestatus.ts';
import { securityProfilesOperatorDaemon } from './securityprofilesoperatordaemon.ts';
import { selinuxProfile } from './selinuxprofile.ts';
import type { ConversionTable } from './table.ts';

export { profilesGroup as group } from '../api/shared/resource-definition.ts';

/** The tables of all kinds, by kind. */
export const tables: ReadonlyMap<string, ConversionTable> = new Map(
  [
    seccompProfile,
    selinuxProfile,
    rawSelinuxProfile,
    appArmorProfile,
    profileBinding,
    profileRecording,
    securityProfilesOperatorDaemon,
    securityProfileNodeStatus,
  ].map((table) => [table.kind, table]),
);
