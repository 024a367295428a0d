import type { Outcome } from '../algebra/outcome.ts';
import { strictness } from '../algebra/outcome.ts';
import type { SeccompRule } from '../model.ts';

/**
 * Returns an entry without effect of its own, if the default kills or traps, for the names that
 * have no rules; none otherwise. runc answers syscalls newer than all that a profile names with
 * ENOSYS instead; so what was named stays named, so that a call that was killed does not fail
 * instead.
 */
export function namedDefault(names: Iterable<string>, byDefault: Outcome): readonly SeccompRule[] {
  if (strictness(byDefault) <= strictness({ action: 'SCMP_ACT_ERRNO' })) return [];
  const sorted = [...names].sort();
  return sorted.length === 0 ? [] : [{ names: sorted, action: byDefault.action }];
}
