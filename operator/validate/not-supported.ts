import * as v from 'valibot';
import type { Condition } from '../api/shared/condition.ts';
import type { Warning } from './verdict.ts';

/** Kinds of which some or all is stored and validated, but has no effect yet. */
export type UnsupportedKind = 'SecurityProfilesOperatorDaemon' | 'ProfileRecording' | 'ProfileBinding';

/** A condition without its times. */
export type NotSupported = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

/**
 * Returns the condition that states what of an object has no effect.
 *
 * @param settings those that have no effect, of a kind that has some effect
 */
export function notSupported(kind: UnsupportedKind, settings: readonly string[]): NotSupported {
  const type = 'NotSupported';
  switch (kind) {
    case 'ProfileRecording':
      return {
        type,
        status: 'True',
        reason: 'NoRecorder',
        message:
          'This version of Fairlead records no profiles. The recording is stored and validated, and has no effect.',
      };
    case 'ProfileBinding':
      return { type, ...bindingCondition(settings) };
    case 'SecurityProfilesOperatorDaemon':
      return { type, ...daemonCondition(settings) };
  }
}

function bindingCondition(settings: readonly string[]): Omit<NotSupported, 'type'> {
  if (settings.length === 0) {
    return { status: 'False', reason: 'Supported', message: 'The binding decides on pods when they are created.' };
  }
  const message =
    'This version of Fairlead binds pods to SeccompProfiles and artifacts only. The binding is stored and validated, and has ' +
    'no effect: write the profile into the pods.';
  return { status: 'True', reason: 'NoBindings', message };
}

function daemonCondition(settings: readonly string[]): Omit<NotSupported, 'type'> {
  if (settings.length === 0) {
    const message = 'All settings that differ from the defaults are in force.';
    return { status: 'False', reason: 'Supported', message };
  }
  const ofSigners = settings.filter((path) => signerSettings.includes(path));
  const others = settings.filter((path) => !signerSettings.includes(path));
  const sentences = [
    ...(others.length === 0
      ? []
      : [
          `This version of Fairlead runs nothing on the nodes. These settings are stored and have no effect: ${others.join(', ')}.`,
        ]),
    ...(ofSigners.length === 0
      ? []
      : [
          `The trust policy of the operator decides who may sign base profiles. It is not changed by ${ofSigners.join(', ')}.`,
        ]),
  ];
  const reason = others.length === 0 ? 'TrustPolicyDecides' : 'NoNodeAgent';
  return { status: 'True', reason, message: sentences.join(' ') };
}

/** States that a recording has no effect. */
export const warningOfRecording: Warning = {
  field: 'spec',
  message: 'has no effect: this version of Fairlead records no profiles',
};

/** Returns the settings of a ProfileBinding that have no effect. */
function bindingWithoutEffect(spec: unknown): readonly string[] {
  const parsed = v.safeParse(v.object({ profileRef: v.object({ kind: v.literal('SeccompProfile') }) }), spec);
  return parsed.success ? [] : ['spec.profileRef.kind'];
}

/** Returns a warning for each setting of a ProfileBinding that has no effect. */
export function warnOfBinding(spec: unknown): readonly Warning[] {
  const message = 'has no effect: this version of Fairlead binds pods to SeccompProfiles and artifacts only';
  return bindingWithoutEffect(spec).map((field) => ({ field, message }));
}

/**
 * Returns a warning for each setting of a SecurityProfilesOperatorDaemon that has no effect,
 * except the options of webhooks, of which each has its own.
 */
export function warnOfSettings(spec: unknown): readonly Warning[] {
  const fields = settingsWithoutEffect(spec).filter((field) => field !== 'spec.webhook.options');
  return fields.map((field) => ({
    field,
    message: signerSettings.includes(field)
      ? 'has no effect: the trust policy of the operator decides who may sign base profiles'
      : 'has no effect: this version of Fairlead runs nothing on the nodes',
  }));
}

/** Returns the settings of an object that have no effect, of a kind that has some effect. */
export function ineffectiveSettings(kind: UnsupportedKind, spec: unknown): readonly string[] {
  if (kind === 'SecurityProfilesOperatorDaemon') return settingsWithoutEffect(spec);
  return kind === 'ProfileBinding' ? bindingWithoutEffect(spec) : [];
}

/** Settings about signatures of base profiles, which a trust policy decides over. */
const signerSettings: readonly string[] = [
  'spec.security.allowedIdentityRegexp',
  'spec.security.allowedOidcIssuerRegexp',
  'spec.security.disableOciArtifactSignatureVerification',
];

/** Settings that the webhooks and controllers follow. */
const followed: readonly string[] = [
  'spec.security.allowedSyscalls',
  'spec.security.allowedSeccompActions',
  'spec.selinux.enableRawSelinuxProfiles',
  'spec.selinux.options',
];

/** Values that ask for nothing: the defaults of the API, and what turns something off. */
const neutral: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['spec.selinux.typeTag', 'spc_t'],
  ['spec.scheduling.priorityClassName', 'system-node-critical'],
  ['spec.security.allowedIdentityRegexp', '.*'],
  ['spec.security.allowedOidcIssuerRegexp', '.*'],
  ['spec.verbosity', 0],
]);

/** Returns the paths of settings that ask for something that has no effect. */
function settingsWithoutEffect(spec: unknown): readonly string[] {
  const found: string[] = [];
  const visit = (path: string, value: unknown): void => {
    if (followed.includes(path)) return;
    const isGroup = /^spec(\.(selinux|enricher|webhook|scheduling|security))?$/.test(path);
    if (isGroup && typeof value === 'object' && value !== null && !Array.isArray(value)) {
      for (const [key, member] of Object.entries(value)) visit(`${path}.${key}`, member);
    } else if (!isNeutral(path, value)) {
      found.push(path);
    }
  };
  if (spec !== undefined && spec !== null) visit('spec', spec);
  return found.sort();
}

function isNeutral(path: string, value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === '') return true;
  if (typeof value === 'object' && Object.keys(value).length === 0) return true;
  return neutral.has(path) && neutral.get(path) === value;
}
