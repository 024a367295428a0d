import * as v from 'valibot';
import { type NewCondition, setCondition } from '#lib/kube/conditions';
import type { ObjectMeta } from '#lib/kube/kube-object';
import { type Condition, conditionSchema } from '../api/shared/condition.ts';
import { ineffectiveSettings, notSupported, type UnsupportedKind } from '../validate/not-supported.ts';
import { defaultSettings } from '../validate/settings.ts';
import { validators } from '../validate/validators.ts';
import { describeViolations, type Violation } from '../validate/verdict.ts';

/** An object of such a kind, as a controller holds it. */
export interface UnsupportedObject {
  readonly kind: UnsupportedKind;
  readonly metadata: ObjectMeta;
  readonly isDeleted: boolean;
  readonly finalizers: readonly string[];
  readonly status: UnsupportedStatus;
  /** Settings that have no effect; empty for a kind that has none at all. */
  readonly settings: readonly string[];
  /** Why admission would refuse it: it was stored without the webhook, or before a rule existed. */
  readonly violations: readonly Violation[];
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
    settings: ineffectiveSettings(kind, spec),
    // No rule of these kinds depends on the settings of the administrator.
    violations: validators.get(kind)?.({ metadata, spec }, defaultSettings).violations ?? [],
  };
}

/**
 * Returns what is to be written of an object that has no effect, or not all of the effect that it
 * describes: a condition that says so, and one that says whether it is valid. A deleted one does
 * not wait for an operator that is gone.
 */
export function planUnsupported(object: UnsupportedObject, now: Date): UnsupportedPlan {
  const { finalizers, isDeleted } = object;
  if (isDeleted) {
    const others = finalizers.filter((each) => !leftFinalizers.includes(each));
    return others.length === finalizers.length ? {} : { finalizers: others };
  }
  const { kind, metadata, settings, status, violations } = object;
  const conditions = [notSupported(kind, settings), validity(violations)].reduce<readonly Condition[]>(
    (held, condition) => setCondition(held, { ...condition, observedGeneration: metadata.generation }, now),
    status.conditions ?? [],
  );
  return { status: { ...status, conditions } };
}

function validity(violations: readonly Violation[]): NewCondition {
  const type = 'Valid';
  if (violations.length === 0) return { type, status: 'True', reason: 'Valid', message: 'All fields are valid.' };
  return { type, status: 'False', reason: 'Invalid', message: describeViolations(violations) };
}
