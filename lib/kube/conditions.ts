import { FairleadError } from '#lib/errors';
import { formatTime } from './time.ts';

/** An entry of `status.conditions` (metav1.Condition). */
export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  /** A word for programs. */
  readonly reason: string;
  /** A sentence for people. */
  readonly message: string;
  /** The generation of the object that the condition was computed from. */
  readonly observedGeneration?: number | undefined;
  /** When the status changed, in RFC 3339 with seconds. */
  readonly lastTransitionTime: string;
}

/** A condition, without the time. */
export type NewCondition = Omit<Condition, 'lastTransitionTime'>;

/** What the schema of metav1.Condition accepts. */
const typePattern =
  /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$/;
const reasonPattern = /^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/;
const maxType = 316;
const maxReason = 1024;
const maxMessage = 32_768;

/**
 * Returns conditions with one of them set. Its time stays the same unless its status changes; the
 * order and the other conditions stay the same. A message that is too long is cut off. Throws
 * Internal if type or reason is not one that API servers accept.
 */
export function setCondition(conditions: readonly Condition[], condition: NewCondition, now: Date): Condition[] {
  const { type, status, reason, message, observedGeneration } = condition;
  if (type.length > maxType || !typePattern.test(type)) throw invalid(`type ${JSON.stringify(type)}`, typePattern);
  if (reason.length > maxReason || !reasonPattern.test(reason)) {
    throw invalid(`reason ${JSON.stringify(reason)} of type ${type}`, reasonPattern);
  }
  const held = conditions.find((each) => each.type === type);
  const set: Condition = {
    type,
    status,
    reason,
    message: fitting(message),
    ...(observedGeneration === undefined ? {} : { observedGeneration }),
    lastTransitionTime: held?.status === status ? held.lastTransitionTime : formatTime(now),
  };
  return held === undefined ? [...conditions, set] : conditions.map((each) => (each === held ? set : each));
}

/** The API server counts characters, not units of UTF-16, and stores no half of a character. */
function fitting(message: string): string {
  const whole = message.toWellFormed();
  if (whole.length <= maxMessage) return whole;
  const characters = Array.from(whole);
  return characters.length <= maxMessage ? whole : `${characters.slice(0, maxMessage - 1).join('')}…`;
}

function invalid(what: string, pattern: RegExp): FairleadError {
  return new FairleadError('Internal', `invalid condition: ${what}: want ${pattern.source}`);
}
