import { FairleadError } from '#lib/errors';
import { portabilityViolations as ofAppArmor } from './apparmor/portability-violations.ts';
import { validateAppArmor } from './apparmor/validate.ts';
import type { Profile } from './profile.ts';
import type { PublicationLimits } from './publication-limits.ts';
import { portabilityViolations as ofSeccomp } from './seccomp/read/portability-violations.ts';
import { artifactViolations } from './seccomp/read/validate.ts';
import { refuseViolations, type Violation } from './violation.ts';

/**
 * Returns everything for which a runtime would refuse a published profile for good: what
 * validateArtifact refuses, and what others than Fairlead's nodes do. It decides what push refuses,
 * and what lint calls an error.
 */
export function publicationViolations(profile: Profile, limits: PublicationLimits): readonly Violation[] {
  switch (profile.kind) {
    case 'Seccomp':
      return [
        ...sizeViolations(profile, limits),
        ...artifactViolations(profile.seccomp, limits),
        ...ofSeccomp(profile.seccomp),
      ];
    case 'AppArmor':
      return [...sizeViolations(profile, limits), ...appArmorViolations(profile), ...ofAppArmor(profile.apparmor)];
    // In no form they can be published.
    case 'SELinux':
    case 'RawSELinux':
      return [];
  }
}

/** Throws ProfileInvalid listing publicationViolations, each with its JSON pointer. */
export function validatePublication(profile: Profile, limits: PublicationLimits): void {
  refuseViolations(
    publicationViolations(profile, limits),
    'runtimes that implement KEP-6061 refuse such a profile for good',
    'Correct these places, all of which are listed by: fairlead lint FILE. With the same meaning, and without conflicts or repeats where that can be said, it is written by: fairlead merge --intersect FILE',
  );
}

function sizeViolations({ oversize = 0 }: Profile, { artifactBytes }: PublicationLimits): readonly Violation[] {
  if (oversize <= artifactBytes) return [];
  return [{ pointer: '', message: `the profile has ${oversize} bytes, more than ${artifactBytes}` }];
}

function appArmorViolations({ apparmor }: Extract<Profile, { readonly kind: 'AppArmor' }>): readonly Violation[] {
  try {
    validateAppArmor(apparmor);
    return [];
  } catch (error) {
    if (!(error instanceof FairleadError) || error.kind !== 'ProfileInvalid') throw error;
    return [{ pointer: '', message: error.hint === undefined ? error.message : `${error.summary}: ${error.hint}` }];
  }
}
