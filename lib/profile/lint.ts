import { lintAppArmor } from './apparmor/lint.ts';
import type { Finding, Profile } from './profile.ts';
import { lintSeccomp } from './seccomp/lint-seccomp.ts';
import { lintSelinux } from './selinux/lint-selinux.ts';

/**
 * What is probably not meant in a profile. Findings are advice: a profile with findings is valid.
 * The codes are listed at lintSeccomp, lintAppArmor and lintSelinux; `unknown-field` is what the reader left out.
 */
export function lint(profile: Profile): readonly Finding[] {
  const unknown = (profile.unknownFields ?? []).map(({ pointer, position }): Finding => {
    const message = `${position}: the format has no field of this name; it is left out`;
    return { code: 'unknown-field', severity: 'warning', message, pointer };
  });
  return [...unknown, ...lintKind(profile)];
}

function lintKind(profile: Profile): readonly Finding[] {
  switch (profile.kind) {
    case 'Seccomp':
      return lintSeccomp(profile.seccomp);
    case 'AppArmor':
      return lintAppArmor(profile.apparmor);
    case 'SELinux':
    case 'RawSELinux':
      return lintSelinux(profile.selinux);
  }
}
