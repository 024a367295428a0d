import { FairleadError } from '#lib/errors';
import { lintAppArmor } from './apparmor/lint.ts';
import { convertCommand } from './convert-command.ts';
import { convertProfile, publishableForm } from './convert-profile.ts';
import type { Finding } from './finding.ts';
import type { Profile } from './profile.ts';
import { defaultPublicationLimits, type PublicationLimits } from './publication-limits.ts';
import { publicationViolations } from './publication-violations.ts';
import { lintSeccomp } from './seccomp/lint/lint.ts';
import { lintSelinux } from './selinux/lint.ts';

/**
 * Reports what is probably unintended in a profile. Warnings and remarks are advice; a profile with
 * errors cannot be published. The codes are listed at lintSeccomp, lintAppArmor and lintSelinux;
 * `unknown-field` is what the reader left out, `docker-form` and `resource-form` a profile that is
 * published once it is converted, `no-runtime-form` one that never is, and `not-publishable` what
 * publishing refuses in any form. Publishing refuses a profile if and only if one of these is
 * there.
 */
export function lint(profile: Profile, limits: PublicationLimits = defaultPublicationLimits): readonly Finding[] {
  const unknown = (profile.unknownFields ?? []).map(({ pointer, position, meant }): Finding => {
    const message = `${position}: the format has no field of this name${meant === undefined ? '' : ` (did you mean ${JSON.stringify(meant)}?)`}; it is left out`;
    return { code: 'unknown-field', severity: 'warning', message, pointer };
  });
  const published = publishedForm(profile);
  if ('unpublishable' in published) {
    const message = `it cannot be published: ${published.unpublishable}`;
    return [...unknown, { code: 'no-runtime-form', severity: 'info', message, pointer: '' }, ...lintMeaning(profile)];
  }
  return [...unknown, ...lintForm(profile), ...lintPublishing(published, limits), ...lintMeaning(profile)];
}

function lintForm({ kind, docker, isResource }: Profile): readonly Finding[] {
  if (kind === 'SELinux' || kind === 'RawSELinux') {
    const message = 'an SELinux profile, which cannot be published: runtimes have no form for it';
    return [{ code: 'no-runtime-form', severity: 'info', message, pointer: '' }];
  }
  if (isResource) {
    const message = `a custom resource, which runtimes do not read; to publish it: ${convertCommand}`;
    return [{ code: 'resource-form', severity: 'info', message, pointer: '' }];
  }
  if (docker === undefined) return [];
  const read = docker.dependsOnContainer ? ', and is linted as one container gets it' : '';
  const message = `in the form of Docker and Podman, which runtimes do not read${read}; to publish it: ${convertCommand}`;
  return [{ code: 'docker-form', severity: 'info', message, pointer: '' }];
}

/** What publishing refuses, in whichever form the profile is now. */
function lintPublishing(profile: Profile, limits: PublicationLimits): readonly Finding[] {
  return publicationViolations(profile, limits).map(({ pointer, message }) => ({
    code: 'not-publishable',
    severity: 'error',
    message: `push refuses it: ${message}`,
    pointer,
  }));
}

/**
 * What would be published of a profile: itself, or what the conversion makes of it, or why that
 * makes nothing.
 */
function publishedForm(profile: Profile): Profile | { readonly unpublishable: string } {
  if (profile.kind === 'SELinux' || profile.kind === 'RawSELinux') return profile;
  if (!profile.isResource && profile.docker === undefined) return profile;
  try {
    const oversize = Buffer.byteLength(convertProfile(profile, 'runtime', ''));
    if (profile.kind === 'AppArmor') return { ...profile, oversize };
    return { ...profile, oversize, seccomp: publishableForm(profile.seccomp) };
  } catch (thrown) {
    if (!(thrown instanceof FairleadError)) throw thrown;
    return { unpublishable: thrown.message };
  }
}

/**
 * The findings about what a profile says, for who has asked what publishing refuses already
 * (validatePublication).
 */
export function lintMeaning(profile: Profile): readonly Finding[] {
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
