import type { ProfileFile } from '#lib/profile/compare-profile-files';
import { formatRepository } from '#lib/registry/reference';
import { readProject } from './read-project.ts';

/** A profile of a project, without its content. */
export type NamedProfile = Omit<ProfileFile, 'content'>;

/** Returns the profiles of a project file, to lint or compare them. Throws as readProject. */
export async function projectProfiles(file: string): Promise<readonly NamedProfile[]> {
  // What they are tagged with makes no difference here, and may be known only when they are
  // published.
  const { profiles } = await readProject(file, { tag: 'any' });
  return profiles.map(({ name, file: path, reference, subject }) => ({
    name,
    // All profiles of an image are in its repository.
    ...(subject === undefined && { publishedTo: formatRepository(reference) }),
    file: path,
    isNamed: true,
  }));
}
