import * as v from 'valibot';
import { setCondition } from '#lib/kube/conditions';
import type { ObjectMeta } from '#lib/kube/kube-object';
import { type Condition, conditionSchema } from '../api/shared/condition.ts';

/** Kinds of which some or all is stored and validated, but has no effect yet. */
export type UnsupportedKind = 'SecurityProfilesOperatorDaemon' | 'ProfileRecording' | 'ProfileBinding';

/** An object of such a kind, as a controller holds it. */
export interface UnsupportedObject {
  readonly kind: UnsupportedKind;
  readonly metadata: ObjectMeta;
  readonly isDeleted: boolean;
  readonly finalizers: readonly string[];
  readonly status: UnsupportedStatus;
  /** Settings that have no effect; empty for a kind that has none at all. */
  readonly settings: readonly string[];
}

/** The conditions of an object, and whatever else its status has. */
interface UnsupportedStatus {
  readonly conditions?: readonly Condition[] | undefined;
  readonly [field: string]: unknown;
}

/** What is to be written of an object. */
export interface UnsupportedPlan {
  readonly finalizers?: readonly string[];
  readonly status?: UnsupportedStatus;
}

/** Finalizers that only the Security Profiles Operator removes. */
const leftFinalizers: readonly string[] = [
  'active-workload-lock',
  'active-seccomp-profile-recording-lock',
  'spo.x-k8s.io/has-unmerged-profiles',
];

const objectSchema = v.object({
  kind: v.picklist(['SecurityProfilesOperatorDaemon', 'ProfileRecording', 'ProfileBinding']),
  metadata: v.looseObject({
    name: v.string(),
    namespace: v.string(),
    uid: v.optional(v.string(), ''),
    resourceVersion: v.string(),
    generation: v.optional(v.number()),
    deletionTimestamp: v.nullish(v.string()),
    finalizers: v.nullish(v.array(v.string()), []),
  }),
  spec: v.optional(v.unknown()),
  status: v.fallback(v.looseObject({ conditions: v.optional(v.array(conditionSchema)) }), {}),
});

/** Reads an object as the API server returns it, v1. Throws valibot's error. */
export function parseUnsupported(object: unknown): UnsupportedObject {
  const { kind, metadata, spec, status } = v.parse(objectSchema, object);
  const { name, namespace, uid, resourceVersion, generation, deletionTimestamp, finalizers } = metadata;
  return {
    kind,
    metadata: { name, namespace, uid, resourceVersion, generation },
    isDeleted: deletionTimestamp != null,
    finalizers: finalizers ?? [],
    status,
    settings: kind === 'SecurityProfilesOperatorDaemon' ? settingsOf(spec) : [],
  };
}

/**
 * Returns what is to be written of an object that has no effect, or not all of the effect that it
 * describes: a condition that says so. A deleted one does not wait for an operator that is gone.
 */
export function planUnsupported(object: UnsupportedObject, now: Date): UnsupportedPlan {
  const { finalizers, isDeleted } = object;
  if (isDeleted) {
    const others = finalizers.filter((each) => !leftFinalizers.includes(each));
    return others.length === finalizers.length ? {} : { finalizers: others };
  }
  const { metadata, status } = object;
  const condition = { ...conditionOf(object), observedGeneration: metadata.generation };
  return { status: { ...status, conditions: setCondition(status.conditions ?? [], condition, now) } };
}

function conditionOf({ kind, settings }: UnsupportedObject): Pick<Condition, 'type' | 'status' | 'reason' | 'message'> {
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
      return {
        type,
        status: 'True',
        reason: 'NoBindings',
        message:
          'This version of Fairlead applies ArtifactBindings only. The binding is stored and validated, and has no effect: ' +
          'write the profile into the pods, or publish it and bind the artifact.',
      };
    case 'SecurityProfilesOperatorDaemon':
      if (settings.length === 0) {
        return {
          type,
          status: 'False',
          reason: 'Supported',
          message: 'All settings that differ from the defaults are in force.',
        };
      }
      return {
        type,
        status: 'True',
        reason: 'NoNodeAgent',
        message: `This version of Fairlead runs nothing on the nodes. These settings are stored and have no effect: ${settings.join(', ')}.`,
      };
  }
}

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
function settingsOf(spec: unknown): string[] {
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
