import type { Outcome } from '../algebra/outcome.ts';
import { strictness } from '../algebra/outcome.ts';
import type { SeccompRule } from '../model.ts';

/**
 * Returns an entry without effect of its own, where the default kills or traps; none if it does
 * not, or for no names. runc answers syscalls newer than all that a profile names with ENOSYS
 * instead; so what was named stays named, lest a call fail that was killed.
 */
export function namedDefault(names: Iterable<string>, byDefault: Outcome): readonly SeccompRule[] {
  if (strictness(byDefault) <= strictness({ action: 'SCMP_ACT_ERRNO' })) return [];
  const sorted = [...names].sort();
  return sorted.length === 0 ? [] : [{ names: sorted, action: byDefault.action }];
}
