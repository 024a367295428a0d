import { chmod, copyFile, mkdir, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { TreeFile } from './release.ts';

/**
 * Writes files into a new directory with their modes, and with the time of the commit on all files
 * and directories.
 */
export async function stageTree(directory: string, files: readonly TreeFile[], epoch: number): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (const { path, mode, source } of files) {
    const target = join(directory, path);
    await mkdir(dirname(target), { recursive: true });
    if (typeof source === 'string') await copyFile(source, target);
    else await writeFile(target, source);
    await chmod(target, mode);
    await utimes(target, epoch, epoch);
  }
  for (const path of ['.', ...directoriesOf(files)]) {
    await chmod(join(directory, path), 0o755);
    await utimes(join(directory, path), epoch, epoch);
  }
}

/** Returns the directories that contain the files, sorted. */
export function directoriesOf(files: readonly TreeFile[]): string[] {
  const found = new Set<string>();
  for (const { path } of files) {
    for (let at = dirname(path); at !== '.'; at = dirname(at)) found.add(at);
  }
  return [...found].toSorted();
}
