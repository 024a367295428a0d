/** SQLite's result code SQLITE_BUSY. */
const busy = 5;

/** A lock that this process holds or may hold. */
export interface FileLock {
  /** Takes the lock; false where another process, or another holder in this one, has it. */
  tryHold(): boolean;
  /** Gives the lock back, held or not. */
  release(): void;
}

/**
 * Opens the lock on a file, which is made where it is not there and stays empty. The lock is the
 * kernel's own, taken through SQLite since Node has no flock: it ends with the process, however
 * that is killed, so it never goes stale and nobody ever has to guess whether it has. Opening and
 * holding throw what SQLite says of a file that cannot be used.
 */
export async function openFileLock(path: string): Promise<FileLock> {
  const { DatabaseSync } = await import('node:sqlite');
  const database = new DatabaseSync(path, { timeout: 0 });
  return {
    tryHold() {
      try {
        database.exec('BEGIN EXCLUSIVE');
        return true;
      } catch (error) {
        if (error instanceof Error && 'errcode' in error && error.errcode === busy) return false;
        throw error;
      }
    },
    release: () => database.close(),
  };
}
