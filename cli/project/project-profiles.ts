import type { FairleadError } from '#lib/errors';
import type { ProfileFile } from '#lib/profile/compare-profile-files';
import { formatRepository } from '#lib/registry/reference';
import { readProject } from './read-project.ts';

/** A profile of a project, without its content. */
export interface NamedProfile extends Omit<ProfileFile, 'content'> {
  /** Why it may not be read. */
  readonly refused?: FairleadError;
}

/** Returns the profiles of a project file, to lint or compare them. Throws as readProject. */
export async function projectProfiles(file: string): Promise<readonly NamedProfile[]> {
  const { profiles } = await readProject(file, { untagged: true });
  return profiles.map(({ name, file: path, refused, reference, subject }) => ({
    name,
    ...(refused && { refused }),
    // All profiles of an image are in its repository.
    ...(subject === undefined && { publishedTo: formatRepository(reference) }),
    file: path,
    isNamed: true,
  }));
}
