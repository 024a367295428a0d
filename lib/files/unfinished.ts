import { rmSync } from 'node:fs';

/** The temporary files that this process is writing now. */
export const unfinished = new Set<string>();

/** Removes these files, in a process that a signal is about to end. */
export function removeUnfinished(): void {
  for (const path of unfinished) rmSync(path, { force: true });
}
