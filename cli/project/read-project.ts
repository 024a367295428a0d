import { stat } from 'node:fs/promises';
import { readInput } from '../files/files.ts';
import { listDirectoryProfiles } from '../files/profile-directory.ts';
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
  return parseProject(text, file, { ...options, listProfiles: listDirectoryProfiles });
}

/** Reports whether there is such a file. */
export async function isFile(file: string): Promise<boolean> {
  return stat(file).then(
    (status) => status.isFile(),
    () => false,
  );
}
