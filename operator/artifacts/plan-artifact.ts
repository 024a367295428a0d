import { type Backoff, backoffDelay } from '#lib/kube/backoff';
import { type NewCondition, setCondition } from '#lib/kube/conditions';
import { formatTime } from '#lib/kube/time';
import { shorten } from '#lib/text/quote';
import { withNextStep } from '#lib/text/sentence';
import { type FollowedArtifactStatus, secondsOf } from '../api/shared/followed-artifact.ts';
import {
  type ArtifactCheck,
  type ArtifactIdentity,
  type FoundArtifact,
  isRefusal,
  type Refusal,
  type VerifiedArtifact,
} from './check.ts';
import type { ArtifactSpec, StoredArtifact } from './stored-artifact.ts';

/** An event about an object. */
export interface ArtifactEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/** What follows from a check. */
export interface ArtifactPlan {
  readonly status: FollowedArtifactStatus;
  readonly events: readonly ArtifactEvent[];
  /** Milliseconds until the next check; undefined if only a change causes one. */
  readonly requeueAfter?: number;
}

/** When something was decided, how often the check has failed in a row, and a random number. */
export interface PlanContext {
  readonly now: Date;
  /** How many checks in a row, with this one, have not ended with the newest digest in force. */
  readonly failures: number;
  /** From 0 to 1. */
  readonly random: number;
}

/** Digests that the history has. */
const mostHistory = 10;
const longest = { refusal: 4096, summary: 1024 };
/** Objects that were made together are not all checked together: up to this part later. */
const jitter = 0.1;
const defaultInterval = '10m';
const firstRetryMs = 10_000;

/** What is in force after a check, and why what the registry has is not. */
interface Decision {
  readonly inForce: VerifiedArtifact | undefined;
  /** Set if the digest in force is not the newest, or is not known to be. */
  readonly refusal?: Refusal | undefined;
  /** Set if the digest that was in force is no longer allowed. */
  readonly withdrawn?: Refusal;
  /** Set if the digest in force could not be verified again by the current policy. */
  readonly isDoubtful?: boolean;
  /** Set if another digest came into force, or one that was withdrawn. */
  readonly taken?: FoundArtifact;
}

/**
 * Decides by a check of an artifact what is in force, and returns the status that states it. A
 * digest replaces the one in force last only if it was verified, and permits nothing more or may do
 * so; one that the policy no longer allows is withdrawn, until it is verified again or replaced.
 * Nothing else changes what is in force.
 */
export function planArtifact(
  object: StoredArtifact & { readonly spec: ArtifactSpec },
  check: ArtifactCheck,
  context: PlanContext,
): ArtifactPlan {
  const decision = decide(object, check);
  const requeueAfter = nextCheck(object.spec, decision, context);
  return {
    status: statusOf(object, check, decision, context),
    events: eventsOf(object, decision),
    ...(requeueAfter !== undefined && { requeueAfter }),
  };
}

/** Returns the artifact that is in force according to a status; undefined if none is. */
export function artifactInForce({ spec, status }: StoredArtifact): VerifiedArtifact | undefined {
  const { reference, digest, kind, size = 0, signers = [], rule = '' } = status;
  if (reference === undefined || digest === undefined || kind === undefined) return undefined;
  // Another kind is another artifact: nothing of it can stay in force.
  if (!('problem' in spec) && spec.kind !== kind) return undefined;
  return { reference, digest, kind, size, signers: signers as VerifiedArtifact['signers'], rule };
}

/**
 * Returns the artifact that was in force last according to a status, if it was withdrawn and
 * nothing is in force.
 */
export function withdrawnArtifact(object: StoredArtifact): ArtifactIdentity | undefined {
  const { withdrawn } = object.status;
  if (withdrawn === undefined || artifactInForce(object) !== undefined) return undefined;
  // Another kind is another artifact, and is compared with nothing.
  return 'problem' in object.spec || object.spec.kind === withdrawn.kind ? withdrawn : undefined;
}

/**
 * Returns the milliseconds until a check of an object about which nothing is known but its status,
 * after a start of the operator; undefined if there is nothing to check.
 */
export function firstCheck(
  { spec, metadata, status }: StoredArtifact & { readonly spec: ArtifactSpec },
  policy: string | undefined,
  now: Date,
): number | undefined {
  if (!isUpToDate(status) || status.observedGeneration !== metadata.generation || status.policy !== policy) return 0;
  if (spec.update?.policy !== 'Track') return undefined;
  const since = Date.parse(status.lastCheckTime ?? '');
  if (Number.isNaN(since)) return 0;
  // A clock that was set back does not postpone the check.
  const passed = Math.max(0, now.getTime() - since);
  return Math.max(0, intervalOf(spec) - passed);
}

/** Reports whether the newest digest was in force when the registry was asked last. */
export function isUpToDate(status: FollowedArtifactStatus): boolean {
  return conditionOf(status, 'UpToDate')?.status === 'True';
}

/** Returns the status of an object whose specification is invalid. */
export function planInvalidArtifact(object: StoredArtifact, problem: string, now: Date): FollowedArtifactStatus {
  const held = artifactInForce(object);
  const refusal: Refusal = { reason: 'InvalidSpec', message: problem, isDecision: true };
  return { ...object.status, conditions: conditionsOf(object, { inForce: held, refusal }, now) };
}

function decide(object: StoredArtifact & { readonly spec: ArtifactSpec }, check: ArtifactCheck): Decision {
  const { inForce, found } = check;
  const before = artifactInForce(object);
  if (before === undefined) return decideWithoutOne(object, check);
  const problem = inForce !== undefined && isRefusal(inForce) ? inForce : undefined;
  const withdrawal = problem?.isDecision ? { withdrawn: problem } : {};
  const doubt = problem !== undefined && !problem.isDecision ? { isDoubtful: true } : {};
  const held = problem?.isDecision ? undefined : inForce === undefined || isRefusal(inForce) ? before : inForce;
  if (found === undefined) {
    return { inForce: held, refusal: problem ?? refusalBefore(object), ...doubt, ...withdrawal };
  }
  if (isRefusal(found)) return { inForce: held, refusal: found, ...doubt, ...withdrawal };
  if (before.digest === found.digest) return { inForce: found };
  const refusal = looserReplacement(object, before, found);
  return refusal === undefined
    ? { inForce: found, taken: found, ...withdrawal }
    : { inForce: held, refusal, ...doubt, ...withdrawal };
}

/**
 * Decides what comes into force if nothing is: what was withdrawn, if it is verified again, or what
 * may replace it.
 */
function decideWithoutOne(
  object: StoredArtifact & { readonly spec: ArtifactSpec },
  { withdrawn, found }: ArtifactCheck,
): Decision {
  const last = withdrawnArtifact(object);
  const again = withdrawn === undefined || isRefusal(withdrawn) ? undefined : withdrawn;
  const restored = { inForce: again, ...(again && { taken: again }) };
  if (found === undefined) return { ...restored, refusal: refusalBefore(object) };
  if (isRefusal(found)) return { ...restored, refusal: found };
  const refusal =
    last === undefined || last.digest === found.digest ? undefined : looserReplacement(object, last, found);
  return refusal === undefined ? { inForce: found, taken: found } : { ...restored, refusal };
}

/** Returns why the registry's digest was not in force before, if it was not asked again. */
function refusalBefore({ status }: StoredArtifact): Refusal | undefined {
  const condition = conditionOf(status, 'UpToDate');
  if (condition === undefined || condition.status === 'True') return undefined;
  const { reason, message } = condition;
  return { digest: status.refused?.digest, reason, message, isDecision: true };
}

/**
 * Returns why a verified digest does not replace the one in force last; undefined if it does.
 */
function looserReplacement(
  { spec }: { readonly spec: ArtifactSpec },
  last: ArtifactIdentity,
  { digest, reference, comparison = { problem: 'nothing was compared' } }: FoundArtifact,
): Refusal | undefined {
  if (spec.update?.allowLooser === true) return undefined;
  const next = 'To take it, set spec.update.allowLooser: true.';
  const refused = { digest, isDecision: true };
  if ('problem' in comparison) {
    return {
      ...refused,
      reason: 'NotComparable',
      message: withNextStep(
        `${digest} was not taken: it cannot be compared with ${last.digest}, which was in force last: ${comparison.problem}`,
        next,
      ),
    };
  }
  if (comparison.loosened === 0) return undefined;
  const message =
    `${digest} was not taken: it permits what ${last.digest}, which was in force last, does not (${comparison.summary}). ` +
    `See the difference with: fairlead diff --policy FILE oci://${last.reference} oci://${reference}. ${next}`;
  return { ...refused, reason: 'LooserReplacement', message };
}

function statusOf(
  object: StoredArtifact,
  { policy, found }: ArtifactCheck,
  decision: Decision,
  { now }: PlanContext,
): FollowedArtifactStatus {
  const { metadata, status } = object;
  const { inForce, refusal, taken, isDoubtful = false } = decision;
  const decidedBy = isDoubtful ? status.policy : policy;
  const history = historyOf(object, taken, now);
  const lastCheckTime = found === undefined ? status.lastCheckTime : formatTime(now);
  return {
    ...(metadata.generation !== undefined && { observedGeneration: metadata.generation }),
    ...(inForce && {
      reference: inForce.reference,
      digest: inForce.digest,
      kind: inForce.kind,
      size: inForce.size,
      signers: [...inForce.signers],
      rule: inForce.rule,
    }),
    ...(decidedBy !== undefined && { policy: decidedBy }),
    ...(lastCheckTime !== undefined && { lastCheckTime }),
    ...(refusal && { refused: refusedOf(refusal) }),
    ...(inForce === undefined && withdrawnOf(object, decision)),
    ...(history.length > 0 && { history }),
    conditions: conditionsOf(object, decision, now),
  };
}

function refusedOf({ digest, reason, message }: Refusal): NonNullable<FollowedArtifactStatus['refused']> {
  return { ...(digest !== undefined && { digest }), reason, message: shorten(message, longest.refusal - 1) };
}

function withdrawnOf(object: StoredArtifact, { withdrawn }: Decision): Pick<FollowedArtifactStatus, 'withdrawn'> {
  const inForce = artifactInForce(object);
  if (inForce === undefined || withdrawn === undefined) {
    return withdrawnArtifact(object) === undefined ? {} : { withdrawn: object.status.withdrawn };
  }
  const { reference, digest, kind } = inForce;
  const { reason, message } = withdrawn;
  return { withdrawn: { reference, digest, kind, reason, message: shorten(message, longest.refusal - 1) } };
}

function historyOf(
  { status: { history = [] } }: StoredArtifact,
  taken: FoundArtifact | undefined,
  now: Date,
): NonNullable<FollowedArtifactStatus['history']> {
  if (taken === undefined || history[0]?.digest === taken.digest) return history;
  const entry = { digest: taken.digest, since: formatTime(now), ...changeOf(taken, history.length === 0) };
  return [entry, ...history].slice(0, mostHistory);
}

function changeOf({ comparison }: FoundArtifact, isFirst: boolean): object {
  if (comparison === undefined) return isFirst ? {} : { summary: 'nothing was in force before' };
  if ('problem' in comparison) return { summary: shorten(`not compared: ${comparison.problem}`, longest.summary - 1) };
  return { ...comparison, summary: shorten(comparison.summary, longest.summary - 1) };
}

function conditionsOf(
  { metadata, status }: StoredArtifact,
  { inForce, refusal }: Pick<Decision, 'inForce' | 'refusal'>,
  now: Date,
): FollowedArtifactStatus['conditions'] {
  const { reason = 'NotVerified', message = '' } = refusal ?? {};
  const ready: Omit<NewCondition, 'type'> =
    inForce === undefined
      ? { status: 'False', reason, message }
      : { status: 'True', reason: 'Verified', message: `${inForce.digest} is in force` };
  const upToDate: Omit<NewCondition, 'type'> =
    refusal === undefined
      ? { status: 'True', reason: 'UpToDate', message: 'the newest digest is in force' }
      : { status: 'False', reason, message };
  let conditions: NonNullable<FollowedArtifactStatus['conditions']> = status.conditions ?? [];
  const set = (type: string, condition: Omit<NewCondition, 'type'>): void => {
    conditions = setCondition(conditions, { type, ...condition, observedGeneration: metadata.generation }, now);
  };
  set('Ready', ready);
  set('UpToDate', upToDate);
  return conditions;
}

function conditionOf({ conditions = [] }: FollowedArtifactStatus, type: string) {
  return conditions.find((condition) => condition.type === type);
}

function eventsOf(object: StoredArtifact, { inForce, refusal, withdrawn, taken }: Decision): ArtifactEvent[] {
  const { status } = object;
  const events: ArtifactEvent[] = [];
  if (withdrawn !== undefined) {
    const message = `${status.digest} is no longer in force, pods that are bound to it are refused: ${withdrawn.message}`;
    events.push({ type: 'Warning', reason: withdrawn.reason, message });
  }
  if (taken !== undefined) {
    const how = taken.comparison === undefined ? '' : `: ${changeInWords(taken.comparison)}`;
    const last = status.digest ?? status.withdrawn?.digest;
    const before = taken.comparison === undefined ? 'is' : `replaces ${last}, and is`;
    const reason = taken.comparison === undefined ? 'Verified' : 'Replaced';
    events.push({ type: 'Normal', reason, message: `${taken.digest} ${before} in force${how}` });
  }
  const isNew = refusal?.reason !== status.refused?.reason || refusal?.digest !== status.refused?.digest;
  if (refusal !== undefined && refusal !== withdrawn && isNew) {
    const kept = inForce === undefined ? '' : ` ${inForce.digest} stays in force.`;
    events.push({ type: 'Warning', reason: refusal.reason, message: `${refusal.message}${kept}` });
  }
  return events;
}

function changeInWords(comparison: NonNullable<FoundArtifact['comparison']>): string {
  return 'problem' in comparison ? `not compared, because ${comparison.problem}` : comparison.summary;
}

function nextCheck(spec: ArtifactSpec, { refusal }: Decision, { failures, random }: PlanContext): number | undefined {
  const intervalMs = intervalOf(spec);
  if (refusal !== undefined) {
    const backoff: Backoff = { initialMs: firstRetryMs, maxMs: intervalMs };
    return backoffDelay(backoff, failures, random);
  }
  return spec.update?.policy === 'Track' ? Math.round(intervalMs * (1 + random * jitter)) : undefined;
}

function intervalOf({ update }: ArtifactSpec): number {
  return secondsOf(update?.interval ?? defaultInterval) * 1000;
}
