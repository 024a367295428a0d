import { validateAppArmorProfile } from './apparmorprofile.ts';
import { validateProfileBinding } from './profilebinding.ts';
import { validateProfileRecording } from './profilerecording.ts';
import { validateRawSelinuxProfile } from './rawselinuxprofile.ts';
import { validateSeccompProfile } from './seccompprofile.ts';
import { validateSecurityProfileNodeStatus } from './securityprofilenodestatus.ts';
import { validateSecurityProfilesOperatorDaemon } from './securityprofilesoperatordaemon.ts';
import { validateSelinuxProfile } from './selinuxprofile.ts';
import type { ValidationSettings } from './settings.ts';
import type { Verdict } from './verdict.ts';

/** Validates an object of a kind, v1. Throws nothing, whatever the object is. */
export type Validator = (object: unknown, settings: ValidationSettings) => Verdict;

/**
 * The validations of all kinds of the group `security-profiles-operator.x-k8s.io`, by kind: for the
 * webhook, and for the controllers, which must not act on an object that was stored before its
 * rules existed.
 */
export const validators: ReadonlyMap<string, Validator> = new Map<string, Validator>([
  ['SeccompProfile', validateSeccompProfile],
  ['SelinuxProfile', validateSelinuxProfile],
  ['RawSelinuxProfile', validateRawSelinuxProfile],
  ['AppArmorProfile', validateAppArmorProfile],
  ['ProfileBinding', validateProfileBinding],
  ['ProfileRecording', validateProfileRecording],
  ['SecurityProfilesOperatorDaemon', validateSecurityProfilesOperatorDaemon],
  ['SecurityProfileNodeStatus', validateSecurityProfileNodeStatus],
]);

/** The kinds whose validation depends on the SecurityProfilesOperatorDaemon. */
export const kindsWithSettings: ReadonlySet<string> = new Set([
  'SeccompProfile',
  'SelinuxProfile',
  'RawSelinuxProfile',
]);
