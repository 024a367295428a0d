import { FairleadError } from '#lib/errors';
import { convertCommand } from '#lib/profile/convert-command';
import type { Profile } from '#lib/profile/profile';
import { type ContainerOptions, hostOf, type ProfileOptions } from './profile-options.ts';
import type { SourcedProfile } from './read-profiles.ts';

/** Returns whether what a profile permits depends on the container, by conditions in its file. */
export function dependsOnContainer({ docker }: Profile): boolean {
  return docker?.dependsOnContainer === true;
}

/**
 * Refuses a profile that depends on the container, for operations that need one answer for all
 * containers.
 *
 * @param why what cannot be done with it; follows the name of its source.
 * @throws FairleadError InvalidInput, naming the command that writes the profile of one container.
 */
export function refuseDependent({ profile, source }: SourcedProfile, why: string): void {
  if (!dependsOnContainer(profile)) return;
  throw new FairleadError('InvalidInput', `${source} is in the form of Docker and Podman: ${why}`, {
    hint: `Write the profile that a container gets, with its --capabilities, --architecture and --kernel: ${convertCommand}`,
  });
}

/**
 * Describes the container that such a profile was resolved for: `amd64, Linux 6.1, capabilities
 * CHOWN, KILL`.
 */
export function describeContainer(options: ContainerOptions & Pick<ProfileOptions, 'like'>): string {
  const { architecture, kernel, capabilities } = hostOf(options);
  const names = capabilities.map((name) => name.replace(/^CAP_/, '')).join(', ');
  return `${architecture}, Linux ${kernel}, capabilities ${names || 'none'}`;
}
