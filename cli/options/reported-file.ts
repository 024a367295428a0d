import type { ReportedFile } from '#lib/profile/report/report';
import { repositoryPath } from '../files/repository-path.ts';
import { looksLikeReference } from './profile-source.ts';
import type { SourcedProfile } from './read-profiles.ts';

/** What a report calls a file. */
type Named = Pick<ReportedFile, 'name' | 'path'>;

/** Returns how a report names a profile that was read. */
export function reportedFile({ source, path }: SourcedProfile): Named {
  return path === undefined ? { name: source } : reportedPath(path);
}

/** Returns how a report names an argument of the command line that could not be read. */
export function unreadFile(argument: string): Named {
  if (argument === '-') return { name: 'stdin' };
  return looksLikeReference(argument) ? { name: argument } : reportedPath(argument);
}

/** Returns how a report names a file. */
export function reportedPath(file: string): Named {
  const path = repositoryPath(file);
  return { name: file, ...(path !== undefined && { path }) };
}
