import type { Stats } from 'node:fs';

/**
 * Returns why something is not a file of this user's alone; undefined if it is. Others who may
 * write to it, or have it open for writing, can still change it.
 */
export function notOwnFile(found: Stats): string | undefined {
  if (!found.isFile()) return 'it is not a file';
  const isOwn = found.uid === process.getuid?.() && (found.mode & 0o022) === 0;
  return isOwn ? undefined : 'others than this user may write to it';
}

/** Reports whether others can read a file, as older releases wrote it. */
export function isReadableByOthers({ mode }: Stats): boolean {
  return (mode & 0o077) !== 0;
}
