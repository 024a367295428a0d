import { rmSync } from 'node:fs';

/** Called for what was damaged and removed. */
export type StoreLog = (message: string) => void;

/**
 * Removes what is damaged, or what no store writes, and logs why. Does not wait, so that nothing is
 * written in its place meanwhile. Only logs a failure: what is damaged is not used.
 */
export function removeDamaged(path: string, reason: string, log: StoreLog): void {
  try {
    rmSync(path, { recursive: true, force: true });
    log(`${path}: removed, ${reason}`);
  } catch (error) {
    log(`${path}: not used and cannot be removed, ${reason}; ${error instanceof Error ? error.message : error}`);
  }
}
