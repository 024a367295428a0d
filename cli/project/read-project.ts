import { stat } from 'node:fs/promises';
import { mayHoldProfile } from '#lib/profile/may-hold-profile';
import { readInput } from '../files/files.ts';
import { readProfileDirectory } from '../files/profile-directory.ts';
import { type ProjectReading, parseProject } from './parse-project.ts';
import type { Project } from './project.ts';

/** The most bytes of a project file. */
const maxProjectBytes = 1024 * 1024;

/**
 * Reads a project file, and lists the directories that it names. Throws InvalidInput if it cannot
 * be read, and as parseProject.
 */
export async function readProject(file: string, options: Omit<ProjectReading, 'listProfiles'> = {}): Promise<Project> {
  const text = new TextDecoder().decode(await readInput(file, maxProjectBytes));
  return parseProject(text, file, { ...options, listProfiles });
}

/** Reports whether there is such a file. */
export async function isFile(file: string): Promise<boolean> {
  return stat(file).then(
    (status) => status.isFile(),
    () => false,
  );
}

/**
 * Returns the JSON and YAML files below a directory that may hold a profile, as paths in it. A file
 * that cannot be read is among them: publishing it reports the error.
 */
export async function listProfiles(directory: string): Promise<readonly string[]> {
  const files = await readProfileDirectory(directory);
  return files
    .filter(({ content, file }) => !(content instanceof Uint8Array) || mayHoldProfile(content, file))
    .map(({ name }) => name);
}
