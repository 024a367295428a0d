import { diffAppArmor } from './apparmor/diff.ts';
import type { Change, ProfileDiff } from './change.ts';
import type { Profile } from './profile.ts';
import { sameKind } from './same-kind.ts';
import { diffProfiles as diffSeccomp } from './seccomp/diff.ts';
import { diffSelinux } from './selinux/compare.ts';

/**
 * Compares two profiles of one kind by what they mean; see diffProfiles of seccomp, diffAppArmor
 * and diffSelinux. Where it cannot be told, a difference counts as loosened.
 *
 * @param nativeArchitecture what runtimes add where a seccomp profile lists no architectures, as
 * SCMP_ARCH_*.
 * @throws FairleadError InvalidInput for profiles of different kinds.
 */
export function diffProfiles(from: Profile, to: Profile, nativeArchitecture: string): ProfileDiff {
  const both = sameKind([from, to]);
  switch (both.kind) {
    case 'Seccomp': {
      const [before, after = before] = both.profiles;
      return diffSeccomp(before, after, nativeArchitecture);
    }
    case 'AppArmor': {
      const [before, after = before] = both.profiles;
      return {
        changes: diffAppArmor(before, after).map((each) => permission(each, 'Enforce', 'Complain')),
        rewritten: [],
      };
    }
    case 'SELinux': {
      const [before, after = before] = both.profiles;
      return {
        changes: diffSelinux(before, after).map((each) => permission(each, 'Enforcing', 'Permissive')),
        rewritten: [],
      };
    }
  }
}

/** What a profile came to permit or to deny; in the lax mode nothing is denied. */
function permission({ change, subject }: OneWay, strictMode: string, laxMode: string): Change {
  const isMode = subject.split(' ')[0] === 'mode';
  const [denied, permitted] = isMode ? [strictMode, laxMode] : ['denied', 'permitted'];
  const [from, to] = change === 'loosened' ? [denied, permitted] : [permitted, denied];
  return { subject: isMode ? 'mode' : subject, direction: change, from, to };
}

interface OneWay {
  readonly change: 'loosened' | 'tightened';
  readonly subject: string;
}
