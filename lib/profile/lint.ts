import { lintAppArmor } from './apparmor/lint.ts';
import { convertCommand } from './convert-command.ts';
import type { Finding, Profile } from './profile.ts';
import { artifactViolations } from './seccomp/artifact-violations.ts';
import { lintSeccomp } from './seccomp/lint-seccomp.ts';
import { lintSelinux } from './selinux/lint-selinux.ts';

/** What KEP-6061 limits the entries of one syscall to; a trust policy may set another limit. */
const entriesPerSyscall = 128;

/**
 * What is probably not meant in a profile. Findings are advice: a profile with findings is valid.
 * The codes are listed at lintSeccomp, lintAppArmor and lintSelinux; `unknown-field` is what the reader left out,
 * `docker-form` a profile that is published once it is converted, `not-publishable` what publishing refuses in any form.
 */
export function lint(profile: Profile): readonly Finding[] {
  const unknown = (profile.unknownFields ?? []).map(({ pointer, position }): Finding => {
    const message = `${position}: the format has no field of this name; it is left out`;
    return { code: 'unknown-field', severity: 'warning', message, pointer };
  });
  return [...unknown, ...lintForm(profile), ...lintPublishing(profile), ...lintKind(profile)];
}

function lintForm({ docker }: Profile): readonly Finding[] {
  if (docker === undefined) return [];
  const read = docker.dependsOnContainer ? ', and is linted as one container gets it' : '';
  const message = `in the form of Docker and Podman, which runtimes do not read${read}; to publish it: ${convertCommand}`;
  return [{ code: 'docker-form', severity: 'info', message, pointer: '' }];
}

/** What publishing would refuse. */
function lintPublishing(profile: Profile): readonly Finding[] {
  if (profile.kind !== 'Seccomp') return [];
  return artifactViolations(profile.seccomp, { entriesPerSyscall }).map((violation): Finding => {
    const [, pointer = ''] = /^(\/[^: ]+)/.exec(violation) ?? [];
    const message = `publishing refuses it under the default limits: ${violation}`;
    return { code: 'not-publishable', severity: 'warning', message, pointer };
  });
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
