import { chmod, copyFile, lutimes, mkdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { TreeFile } from './release.ts';

/**
 * Writes files and links into a new directory with their modes, and with the time of the commit on
 * all of them and on directories.
 */
export async function stageTree(directory: string, files: readonly TreeFile[], epoch: number): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (const file of files) {
    const staged = join(directory, file.path);
    await mkdir(dirname(staged), { recursive: true });
    if ('target' in file) await symlink(file.target, staged);
    else {
      if (typeof file.source === 'string') await copyFile(file.source, staged);
      else await writeFile(staged, file.source);
      await chmod(staged, file.mode);
    }
    await lutimes(staged, epoch, epoch);
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
