import type { SeccompProfile } from '#lib/profile/seccomp/model';
import type { Verdict, Violation, Warning } from './verdict.ts';

const notify = 'SCMP_ACT_NOTIFY';
const agent = 'spec.listenerPath';

/**
 * Validates that an agent decides over the calls with SCMP_ACT_NOTIFY: without a listener, no
 * container starts. runc refuses the action also for all calls, and for write, with which it hands
 * the filter to the listener.
 */
export function validateNotify({ defaultAction, listenerPath = '', syscalls = [] }: SeccompProfile): Verdict {
  const entry = syscalls.findIndex(({ action }) => action === notify);
  const place = defaultAction === notify ? 'spec.defaultAction' : `spec.syscalls[${entry}].action`;
  const uses = defaultAction === notify || entry !== -1;
  const missing: Violation = {
    field: agent,
    problem: `is missing, and ${place} is ${notify}`,
    fix: 'Add the socket of the agent that decides, in /var/run/security-profiles-operator: without it, no container starts.',
  };
  const warnings: Warning[] = [];
  if (defaultAction === notify) {
    warnings.push({ field: 'spec.defaultAction', message: `runc refuses ${notify} as the default action` });
  }
  for (const [index, { names, action }] of syscalls.entries()) {
    const at = action === notify ? names.indexOf('write') : -1;
    if (at === -1) continue;
    warnings.push({ field: `spec.syscalls[${index}].names[${at}]`, message: `runc refuses ${notify} for write` });
  }
  return { violations: uses && listenerPath === '' ? [missing] : [], warnings };
}
