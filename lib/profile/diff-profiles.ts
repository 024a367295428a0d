import { appArmorChangePointers } from './apparmor/change-pointers.ts';
import { diffAppArmor } from './apparmor/diff.ts';
import type { Change, ProfileDiff } from './change.ts';
import { type ContentOf, contentFor, type Mechanism, mechanismOf } from './kinds.ts';
import type { Place } from './place.ts';
import type { Profile } from './profile.ts';
import { seccompChangePointers } from './seccomp/change-pointers.ts';
import { diffSeccomp } from './seccomp/diff.ts';
import { selinuxChangePointers } from './selinux/change-pointers.ts';
import { diffSelinux } from './selinux/diff.ts';

const differences: {
  readonly [M in Mechanism]: (from: ContentOf[M], to: ContentOf[M], nativeArchitecture: string) => ProfileDiff;
} = {
  Seccomp: diffSeccomp,
  AppArmor: (from, to) => permissions(diffAppArmor(from, to), 'Enforce', 'Complain'),
  SELinux: (from, to) => permissions(diffSelinux(from, to), 'Enforcing', 'Permissive'),
};

/** Functions that find in the new profile what decides about changes. */
const changePointers: {
  readonly [M in Mechanism]: (from: ContentOf[M], to: ContentOf[M], changes: readonly Change[]) => readonly string[];
} = {
  Seccomp: seccompChangePointers,
  AppArmor: appArmorChangePointers,
  SELinux: selinuxChangePointers,
};

/**
 * Compares two profiles of one kind by what they mean; see diffSeccomp, diffAppArmor and
 * diffSelinux. A difference that cannot be judged is treated as loosened. If the new profile was
 * read with its places, each change has the place of what decides about it there.
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
  const [before, after] = [contentFor(mechanism, from), contentFor(mechanism, to)];
  const found = differences[mechanism](before, after, nativeArchitecture);
  if (to.places === undefined) return found;
  const places = to.places.ofProfile(changePointers[mechanism](before, after, found.changes));
  return { ...found, changes: found.changes.map((change, index) => ({ ...change, place: places[index] as Place })) };
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
