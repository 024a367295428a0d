import { FairleadError } from '#lib/errors';
import type { AppArmorProfile } from './apparmor/model.ts';
import { portabilityViolations as ofAppArmor } from './apparmor/portability-violations.ts';
import { validateAppArmor } from './apparmor/validate.ts';
import { type ContentOf, contentFor, type Mechanism, mechanismOf } from './kinds.ts';
import { isRuntimeProfile, type Profile } from './profile.ts';
import type { PublicationLimits } from './publication-limits.ts';
import { portabilityViolations as ofSeccomp } from './seccomp/read/portability-violations.ts';
import { artifactViolations } from './seccomp/read/validate.ts';
import { refuseViolations, type Violation } from './violation.ts';

/**
 * Returns everything for which a runtime would refuse a published profile: what validateArtifact
 * refuses, and what runtimes other than Fairlead's nodes refuse. It decides what push refuses, and
 * what lint calls an error.
 */
export function publicationViolations(profile: Profile, limits: PublicationLimits): readonly Violation[] {
  const found = violationsOf(mechanismOf(profile), profile, limits);
  return isRuntimeProfile(profile) ? [...sizeViolations(profile, limits), ...found] : found;
}

const violations: {
  readonly [M in Mechanism]: (content: ContentOf[M], limits: PublicationLimits) => readonly Violation[];
} = {
  Seccomp: (profile, limits) => [...artifactViolations(profile, limits), ...ofSeccomp(profile)],
  AppArmor: (profile) => [...appArmorViolations(profile), ...ofAppArmor(profile)],
  // They can be published in no form.
  SELinux: () => [],
};

function violationsOf<M extends Mechanism>(
  mechanism: M,
  profile: Profile,
  limits: PublicationLimits,
): readonly Violation[] {
  return violations[mechanism](contentFor(mechanism, profile), limits);
}

/**
 * Throws ProfileInvalid listing publicationViolations, each with its JSON pointer. Of a profile
 * with its places, the message begins with `source:line:column` of the first, as those of readers
 * do.
 */
export function validatePublication(profile: Profile, limits: PublicationLimits, source: string): void {
  const found = publicationViolations(profile, limits);
  const [place] = profile.places?.ofProfile(found.slice(0, 1).map(({ pointer }) => pointer)) ?? [];
  const position = place === undefined ? '' : `${source}:${place.line}:${place.column}: `;
  refuseViolations(
    found,
    `${position}runtimes that implement KEP-6061 refuse this profile`,
    'Correct these places; fairlead lint FILE lists all of them. To write the profile as nodes apply it, without conflicts and repeats if possible: fairlead merge --intersect FILE',
  );
}

function sizeViolations({ oversize = 0 }: Profile, { artifactBytes }: PublicationLimits): readonly Violation[] {
  if (oversize <= artifactBytes) return [];
  return [{ pointer: '', message: `the profile has ${oversize} bytes, more than ${artifactBytes}` }];
}

function appArmorViolations(profile: AppArmorProfile): readonly Violation[] {
  try {
    validateAppArmor(profile);
    return [];
  } catch (error) {
    if (!(error instanceof FairleadError) || error.kind !== 'ProfileInvalid') throw error;
    return [{ pointer: '', message: error.hint === undefined ? error.message : `${error.summary}: ${error.hint}` }];
  }
}
