import { diffAppArmor } from './apparmor/diff.ts';
import type { Change, ProfileDiff } from './change.ts';
import { type ContentOf, contentFor, type Mechanism, mechanismOf } from './kinds.ts';
import type { Profile } from './profile.ts';
import { diffSeccomp } from './seccomp/diff.ts';
import { diffSelinux } from './selinux/diff.ts';

const differences: {
  readonly [M in Mechanism]: (from: ContentOf[M], to: ContentOf[M], nativeArchitecture: string) => ProfileDiff;
} = {
  Seccomp: diffSeccomp,
  AppArmor: (from, to) => permissions(diffAppArmor(from, to), 'Enforce', 'Complain'),
  SELinux: (from, to) => permissions(diffSelinux(from, to), 'Enforcing', 'Permissive'),
};

/**
 * Compares two profiles of one kind by what they mean; see diffSeccomp, diffAppArmor and
 * diffSelinux. A difference that cannot be judged counts as loosened.
 *
 * @param nativeArchitecture what runtimes add if a seccomp profile lists no architectures, as
 * SCMP_ARCH_*.
 * @throws FairleadError InvalidInput for profiles of different kinds.
 */
export function diffProfiles(from: Profile, to: Profile, nativeArchitecture: string): ProfileDiff {
  return differencesOf(mechanismOf(from), from, to, nativeArchitecture);
}

function differencesOf<M extends Mechanism>(
  mechanism: M,
  from: Profile,
  to: Profile,
  nativeArchitecture: string,
): ProfileDiff {
  return differences[mechanism](contentFor(mechanism, from), contentFor(mechanism, to), nativeArchitecture);
}

/** What a profile came to permit or to deny. */
interface OneWay {
  readonly change: 'loosened' | 'tightened';
  readonly subject: string;
}

/** Returns what was permitted or denied as changes; in the lax mode nothing is denied. */
function permissions(changes: readonly OneWay[], strictMode: string, laxMode: string): ProfileDiff {
  const written = changes.map(({ change, subject }): Change => {
    const isMode = subject.split(' ')[0] === 'mode';
    const [denied, permitted] = isMode ? [strictMode, laxMode] : ['denied', 'permitted'];
    const [from, to] = change === 'loosened' ? [denied, permitted] : [permitted, denied];
    return { subject: isMode ? 'mode' : subject, direction: change, from, to };
  });
  return { changes: written, rewritten: [] };
}
