import type { Decision } from '../algebra/decision.ts';
import { defaultErrno, type Outcome } from '../algebra/outcome.ts';
import { errnoName } from '../tables/errno-names.ts';

/** Returns what happens to a call, as a predicate: `fails with EPERM`. */
export function outcomeText({ action, errno = defaultErrno }: Outcome): string {
  switch (action) {
    case 'SCMP_ACT_ALLOW':
      return 'is allowed';
    case 'SCMP_ACT_LOG':
      return 'is allowed and logged';
    case 'SCMP_ACT_ERRNO':
      return errno === 0 ? 'does nothing' : `fails with ${errnoName(errno)}`;
    case 'SCMP_ACT_TRAP':
      return 'sends SIGSYS to the thread';
    case 'SCMP_ACT_KILL_PROCESS':
      return 'ends the process';
    case 'SCMP_ACT_KILL_THREAD':
    case 'SCMP_ACT_KILL':
      return 'ends the thread';
    case 'SCMP_ACT_NOTIFY':
      return 'is decided by a listener';
    case 'SCMP_ACT_TRACE':
      return 'is decided by a tracer';
  }
}

/** Returns every outcome of a decision: those of its conditions, and the one otherwise. */
export function outcomesOf({ regions, otherwise }: Decision): readonly Outcome[] {
  return [...regions.map(({ outcome }) => outcome), otherwise];
}
