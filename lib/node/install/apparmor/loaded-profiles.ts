import { readdir } from 'node:fs/promises';
import { isProfileName } from './profile-name.ts';

/** The directory in which kernels list the profiles that they have. */
const profilesDirectory = '/sys/kernel/security/apparmor/policy/profiles';

/**
 * Returns the names of Fairlead's profiles that the kernel has. It lists each as a directory whose
 * name is that of the profile, with "." in place of "/", then "." and a number. Returns none on a
 * node without AppArmor.
 */
export async function loadedProfiles(directory = profilesDirectory): Promise<ReadonlySet<string>> {
  const entries = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return new Set(
    entries.map((entry) => entry.replace(/\.\d+$/, '').replace('.', '/')).filter((name) => isProfileName(name)),
  );
}
