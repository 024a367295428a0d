/**
 * A room: one directory, without the directories in it, and what its files may import in addition
 * to each other. Unit tests (NAME.test.ts) belong to no room and may import anything.
 */
export interface Room {
  /**
   * Path from the root: a directory, a directory with all that is in it (`test/peers/**`), or a
   * file (`lib/errors.ts`). A file with a row of its own is no part of its directory's room.
   */
  readonly name: string;
  /** Names of rooms; `lib/profile/**` is the room and every room in it, but no index.ts. */
  readonly imports: readonly string[];
  /** Packages of npm. */
  readonly packages?: readonly string[] | 'any';
  /** Set for a room without I/O, clock and process. */
  readonly pure?: true;
}

// Names of rooms that several areas import.
export const errors = 'lib/errors.ts';
export const steps = 'lib/steps.ts';
export const traced = 'lib/traced.ts';
export const model = 'lib/profile/seccomp/model.ts';
export const tables = 'lib/profile/seccomp/tables';
