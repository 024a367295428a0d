/** SQLite's result code SQLITE_BUSY. */
const busy = 5;

/** A lock that this process holds or can hold. */
export interface FileLock {
  /** Takes the lock; returns false if another process, or another holder in this one, has it. */
  tryHold(): boolean;
  /** Releases the lock, held or not. */
  release(): void;
}

/**
 * Opens the lock on a file, which is created if it does not exist and stays empty. The lock is the
 * kernel's own, taken through SQLite since Node has no flock: it ends with the process, however
 * that is killed, so it never becomes stale. Opening and holding throw what SQLite reports for a
 * file that cannot be used.
 */
export async function openFileLock(path: string): Promise<FileLock> {
  const { DatabaseSync } = await import('node:sqlite');
  const database = new DatabaseSync(path, { timeout: 0 });
  return {
    tryHold() {
      try {
        // A journal in memory: on a full disk there is no room for its file.
        database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
        return true;
      } catch (error) {
        if (error instanceof Error && 'errcode' in error && error.errcode === busy) return false;
        throw error;
      }
    },
    release: () => database.close(),
  };
}
