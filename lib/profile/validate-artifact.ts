import { validateAppArmor } from './apparmor/validate.ts';
import type { PublishedProfile } from './profile.ts';
import { artifactViolations } from './seccomp/read/validate.ts';
import { refuseViolations } from './violation.ts';

/**
 * Verifies that a profile from a registry meets KEP-6061 ("Artifact format") and the limit of
 * conditions, beyond what readProfile checks. All entries of a profile that is not resolved yet
 * count.
 *
 * @throws FairleadError ProfileInvalid listing every violation, each with its JSON pointer; of
 * AppArmor profiles the first.
 */
export function validateArtifact(profile: PublishedProfile, limits: { readonly entriesPerSyscall: number }): void {
  switch (profile.kind) {
    case 'Seccomp':
      refuseViolations(
        artifactViolations('unresolved' in profile ? profile.unresolved.profile : profile.seccomp, limits),
        'the profile may not be distributed',
        'KEP-6061 allows no listener and no notification in a pulled profile, and limits errno numbers and entries; Fairlead limits conditions too.',
      );
      break;
    case 'AppArmor':
      validateAppArmor(profile.apparmor);
      break;
    default:
      profile satisfies never;
  }
}
