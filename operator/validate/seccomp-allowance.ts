import type { SeccompProfile } from '#lib/profile/seccomp/model';
import { quote } from '#lib/text/quote';
import { permissiveActions, type SeccompAllowance } from './settings.ts';
import type { Violation } from './verdict.ts';

/** At most this many syscalls of a profile are named. */
const most = 20;
const where = 'spec.security of the SecurityProfilesOperatorDaemon';

/**
 * Returns what `allowedSyscalls` and `allowedSeccompActions` forbid in a profile: a permissive
 * default action, a permissive action that is not listed, and a permissive action for a syscall
 * that is not listed. Actions that deny are always allowed.
 *
 * The Security Profiles Operator reads `allowedSeccompActions` as the actions that it checks, so
 * that a list of SCMP_ACT_LOG alone allows SCMP_ACT_ALLOW for every syscall. Here it is what its
 * name says. Everything that is accepted here, the Security Profiles Operator accepts too.
 */
export function allowanceViolations(
  { defaultAction, syscalls = [] }: SeccompProfile,
  allowance: SeccompAllowance | undefined,
): readonly Violation[] {
  if (allowance === undefined) return [];
  const violations: Violation[] = [];
  if (permissiveActions.includes(defaultAction)) {
    violations.push({
      field: 'spec.defaultAction',
      problem: `${defaultAction} lets every syscall happen, and ${where} allows only some`,
      fix: 'Write an action that denies, such as SCMP_ACT_ERRNO.',
    });
  }
  let left = 0;
  for (const [index, { names, action }] of syscalls.entries()) {
    if (!permissiveActions.includes(action)) continue;
    if (!allowance.actions.includes(action)) {
      violations.push({
        field: `spec.syscalls[${index}].action`,
        problem: `${action} is not among allowedSeccompActions (${where})`,
        fix: `Use one of ${allowance.actions.join(', ')}, or ask the administrator to add it.`,
      });
    }
    for (const [at, name] of names.entries()) {
      if (allowance.syscalls.has(name)) continue;
      if (violations.length >= most) left += 1;
      else {
        violations.push({
          field: `spec.syscalls[${index}].names[${at}]`,
          problem: `${quote(name, 64)} is not among allowedSyscalls (${where})`,
          fix: 'Remove it, or ask the administrator to add it.',
        });
      }
    }
  }
  if (left === 0) return violations;
  const problem = `${left} more syscalls are not among allowedSyscalls (${where})`;
  return [
    ...violations,
    { field: 'spec.syscalls', problem, fix: 'Remove them, or ask the administrator to add them.' },
  ];
}
