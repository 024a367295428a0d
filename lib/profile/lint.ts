import { FairleadError } from '#lib/errors';
import { lintAppArmor } from './apparmor/lint.ts';
import { convertCommand } from './convert-command.ts';
import { convertProfile, pointerInWritten, publishableForm } from './convert-profile.ts';
import { type Finding, info } from './finding.ts';
import { type ContentOf, contentFor, type Mechanism, mechanismOf } from './kinds.ts';
import type { Place } from './place.ts';
import { isRuntimeProfile, type Profile } from './profile.ts';
import { defaultPublicationLimits, type PublicationLimits } from './publication-limits.ts';
import { publicationViolations } from './publication-violations.ts';
import { lintSeccomp } from './seccomp/lint/lint.ts';
import { lintSelinux } from './selinux/lint.ts';

/**
 * Reports what is probably unintended in a profile. Warnings and remarks are advice; a profile with
 * errors cannot be published. The codes are listed at lintSeccomp, lintAppArmor and lintSelinux;
 * `unknown-field` is what the reader ignored, `docker-form` and `resource-form` a profile that is
 * published once it is converted, `no-runtime-form` one that never is, and `not-publishable` what
 * publishing refuses in any form. Publishing refuses a profile if and only if one of these is
 * there.
 */
export function lint(profile: Profile, limits: PublicationLimits = defaultPublicationLimits): readonly Finding[] {
  const { unknownFields = [], places } = profile;
  const unknown = unknownFields.map(({ pointer, meant }): Finding => {
    const message = `the format has no such field${meant === undefined ? '' : ` (did you mean ${JSON.stringify(meant)}?)`}; it is ignored`;
    return { code: 'unknown-field', severity: 'warning', message, pointer };
  });
  const known = lintKnown(profile, limits);
  return [...placed(unknown, places?.ofText), ...placed(known, places?.ofProfile)];
}

/** Returns findings with the places of their pointers, if those can be found. */
function placed(
  findings: readonly Finding[],
  placesOf: ((pointers: readonly string[]) => readonly Place[]) | undefined,
): readonly Finding[] {
  if (placesOf === undefined) return findings;
  const places = placesOf(findings.map(({ pointer }) => pointer));
  return findings.map((finding, index) => ({ ...finding, place: places[index] as Place }));
}

/** Returns the findings about what the profile means and about publishing it. */
function lintKnown(profile: Profile, limits: PublicationLimits): readonly Finding[] {
  const published = publishedForm(profile);
  if ('unpublishable' in published) {
    const message = `it cannot be published: ${published.unpublishable}`;
    return [info('no-runtime-form', '', message), ...meaningFindings(profile)];
  }
  return [...lintForm(profile), ...lintPublishing(profile, published, limits), ...meaningFindings(profile)];
}

function lintForm(profile: Profile): readonly Finding[] {
  if (!isRuntimeProfile(profile)) {
    const message = `a profile of kind ${profile.kind}, which cannot be published: runtimes have no form for it`;
    return [info('no-runtime-form', '', message)];
  }
  const { docker, isResource } = profile;
  if (isResource) {
    const message = `a custom resource, which runtimes do not read; to publish it: ${convertCommand}`;
    return [info('resource-form', '', message)];
  }
  if (docker === undefined) return [];
  const read = docker.dependsOnContainer ? ', and is linted as resolved for one container' : '';
  const message = `in the form of Docker and Podman, which runtimes do not read${read}; to publish it: ${convertCommand}`;
  return [info('docker-form', '', message)];
}

/** Returns what publishing refuses, in whichever form the profile is now. */
function lintPublishing(profile: Profile, published: Profile, limits: PublicationLimits): readonly Finding[] {
  return publicationViolations(published, limits).map(({ pointer, message }) => ({
    code: 'not-publishable',
    severity: 'error',
    message: `push refuses it: ${message}`,
    pointer: pointerInWritten(profile, published, pointer),
  }));
}

/**
 * Returns what would be published of a profile: the profile, or what its conversion makes of it, or
 * why that is impossible.
 */
function publishedForm(profile: Profile): Profile | { readonly unpublishable: string } {
  if (!isRuntimeProfile(profile)) return profile;
  if (!profile.isResource && profile.docker === undefined) return profile;
  try {
    return { ...publishableForm(profile), oversize: Buffer.byteLength(convertProfile(profile, 'runtime', '')) };
  } catch (thrown) {
    if (!(thrown instanceof FairleadError)) throw thrown;
    return { unpublishable: thrown.message };
  }
}

const linters: { readonly [M in Mechanism]: (content: ContentOf[M]) => readonly Finding[] } = {
  Seccomp: lintSeccomp,
  AppArmor: lintAppArmor,
  SELinux: lintSelinux,
};

/**
 * Returns the findings about the meaning of a profile, as lint does, for callers that have already
 * checked whether it can be published (validatePublication).
 */
export function lintMeaning(profile: Profile): readonly Finding[] {
  return placed(meaningFindings(profile), profile.places?.ofProfile);
}

function meaningFindings(profile: Profile): readonly Finding[] {
  return lintContent(mechanismOf(profile), profile);
}

function lintContent<M extends Mechanism>(mechanism: M, profile: Profile): readonly Finding[] {
  return linters[mechanism](contentFor(mechanism, profile));
}
