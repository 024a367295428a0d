import { FairleadError } from '#lib/errors';
import { convertCommand } from '#lib/profile/convert-command';
import type { Profile } from '#lib/profile/profile';
import { type ContainerOptions, hostOf, type ProfileOptions, sourceName } from './profile-file.ts';

/**
 * Whether what a profile permits is known for one container only, since its file has conditions on
 * the container.
 */
export function dependsOnContainer({ docker }: Profile): boolean {
  return docker?.dependsOnContainer === true;
}

/**
 * Refuses a profile whose meaning depends on the container, where one answer for all containers is
 * wanted.
 *
 * @param why what cannot be done with it, after the file's name.
 * @throws FairleadError InvalidInput naming the command that makes one profile of it for each sort
 * of container.
 */
export function refuseDependent(profile: Profile, file: string, why: string): void {
  if (!dependsOnContainer(profile)) return;
  throw new FairleadError('InvalidInput', `${sourceName(file)} is in the form of Docker and Podman: ${why}`, {
    hint: `What containers get, for their --capabilities, --architecture and --kernel, is written by: ${convertCommand}`,
  });
}

/**
 * For which container such a profile was resolved, for people: `amd64, Linux 6.1, capabilities
 * CHOWN, KILL`.
 */
export function describeContainer(options: ContainerOptions & Pick<ProfileOptions, 'like'>): string {
  const { architecture, kernel, capabilities } = hostOf(options);
  const names = capabilities.map((name) => name.replace(/^CAP_/, '')).join(', ');
  return `${architecture}, Linux ${kernel}, capabilities ${names || 'none'}`;
}
