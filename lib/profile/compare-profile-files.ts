import { FairleadError } from '#lib/errors';
import type { ProfileDiff } from './change.ts';
import { diffProfiles } from './diff-profiles.ts';
import { type ImportOptions, importProfile } from './import-profile.ts';
import type { UnknownField } from './json/unknown-fields.ts';
import { mechanismOf } from './kinds.ts';
import { mayHoldProfile } from './may-hold-profile.ts';
import { refuseMisspelt } from './parse-runtime.ts';
import type { Profile, ProfileKind } from './profile.ts';
import { isLoosened } from './render-diff.ts';

/** A file of a directory or project that may hold a profile. */
export interface ProfileFile {
  /** What it is called before and after: the name under which it is published, or its path. */
  readonly name: string;
  /**
   * Where it is published: a file with another name that is published there is the same profile.
   */
  readonly publishedTo?: string;
  /** Its path, for messages. */
  readonly file: string;
  /** Its bytes, or why it cannot be read. */
  readonly content: Uint8Array | FairleadError;
  /** Set if it must hold a profile: a project names it. */
  readonly isNamed?: boolean;
}

/** How a profile changed. */
export type Became = 'changed' | 'renamed' | 'new' | 'deleted' | 'invalid';

/** A profile that differs between two directories. */
export interface ComparedProfile {
  readonly name: string;
  readonly change: Became;
  /** Its old file; absent for a new profile. */
  readonly from?: string;
  /** Its new file; absent for a deleted profile. */
  readonly to?: string;
  /** Absent if the file is invalid. */
  readonly kind?: ProfileKind;
  /** Set if it permits more, or if that cannot be decided. */
  readonly loosened: boolean;
  /** Members of the new file that its reader dropped, or accepted in another letter case. */
  readonly unknownFields?: readonly UnknownField[];
  /** The difference in meaning of two profiles that can be compared. */
  readonly diff?: ProfileDiff;
  /** Why there is nothing to compare it with, although there is an old file. */
  readonly undecided?: string;
  /** Why the new file is invalid. */
  readonly error?: FairleadError;
}

/** How the profiles of two directories differ. */
export interface Comparison {
  /** Invalid ones first, then those that were loosened, then by name. */
  readonly profiles: readonly ComparedProfile[];
  /** The number of profiles with the same bytes as before. */
  readonly unchanged: number;
  /** Files that hold no profile, neither before nor now. */
  readonly ignored: readonly string[];
}

/** How the files are read and compared. */
export interface CompareOptions extends Pick<ImportOptions, 'document' | 'format' | 'host' | 'places'> {
  /** What runtimes add if a seccomp profile lists no architectures, as SCMP_ARCH_*. */
  readonly nativeArchitecture: string;
  /** Refuses two profiles that cannot be judged: throws FairleadError. */
  readonly refuse?: (profiles: readonly [Profile, Profile], files: readonly [string, string]) => void;
}

/** A file before and after. */
interface Pair {
  readonly before?: ProfileFile;
  readonly after?: ProfileFile;
}

/**
 * Compares the profiles of two directories by what they permit. Profiles of the same name are
 * compared; a deleted one is also compared with a new one that is published to the same place, or
 * has the same content or file name. A change that cannot be judged is treated as loosened, so
 * that a gate errs on the safe side.
 *
 * @returns those that differ; nothing is thrown for a file that is invalid.
 */
export function compareProfileFiles(
  before: readonly ProfileFile[],
  after: readonly ProfileFile[],
  options: CompareOptions,
): Comparison {
  const profiles: ComparedProfile[] = [];
  const ignored: string[] = [];
  let unchanged = 0;
  for (const pair of pairsOf(before, after)) {
    if (isSame(pair)) {
      if (holdsProfile(pair)) unchanged += 1;
      continue;
    }
    const compared = compare(pair, options);
    if (compared === undefined) ignored.push((pair.after ?? pair.before)?.file ?? '');
    else profiles.push(compared);
  }
  const rank = ({ change, loosened }: ComparedProfile): number => (change === 'invalid' ? 0 : loosened ? 1 : 2);
  const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  profiles.sort((a, b) => rank(a) - rank(b) || byName(a.name, b.name));
  return { profiles, unchanged, ignored: ignored.sort(byName) };
}

/** Returns whether a file holds a profile, or cannot be read: what is not one is not counted. */
function holdsProfile({ after }: Pair): boolean {
  return after !== undefined && after.content instanceof Uint8Array && mayHoldProfile(after.content, after.file);
}

/** Returns whether a file has the same name and bytes as before. */
function isSame({ before, after }: Pair): boolean {
  return before !== undefined && after !== undefined && before.name === after.name && sameBytes(before, after);
}

function sameBytes({ content: one }: ProfileFile, { content: other }: ProfileFile): boolean {
  return one instanceof Uint8Array && other instanceof Uint8Array && Buffer.compare(one, other) === 0;
}

function pairsOf(before: readonly ProfileFile[], after: readonly ProfileFile[]): readonly Pair[] {
  const old = new Map(before.map((file) => [file.name, file]));
  const pairs: Pair[] = [];
  const added: ProfileFile[] = [];
  for (const file of after) {
    const was = old.get(file.name);
    if (was === undefined) added.push(file);
    else pairs.push({ before: was, after: file });
    old.delete(file.name);
  }
  const moved = movesOf([...old.values()], added);
  for (const [from, to] of moved) {
    pairs.push({ before: from, after: to });
    old.delete(from.name);
  }
  const arrived = new Set(moved.values());
  pairs.push(...[...old.values()].map((file) => ({ before: file })));
  pairs.push(...added.filter((file) => !arrived.has(file)).map((file) => ({ after: file })));
  return pairs;
}

/**
 * Returns deleted files with the new files that they became: published to the same place, with the
 * same content, or the only ones of a file name.
 */
function movesOf(
  deleted: readonly ProfileFile[],
  added: readonly ProfileFile[],
): ReadonlyMap<ProfileFile, ProfileFile> {
  const moves = new Map<ProfileFile, ProfileFile>();
  const arrived = new Set<ProfileFile>();
  const move = (keyOf: (file: ProfileFile) => string | undefined): void => {
    const left = grouped(
      deleted.filter((file) => !moves.has(file)),
      keyOf,
    );
    const come = grouped(
      added.filter((file) => !arrived.has(file)),
      keyOf,
    );
    for (const [key, [from, ...others]] of left) {
      const [to, ...more] = come.get(key) ?? [];
      if (from === undefined || to === undefined || others.length + more.length > 0) continue;
      moves.set(from, to);
      arrived.add(to);
    }
  };
  move(({ publishedTo }) => publishedTo);
  move(({ content }) => (content instanceof Uint8Array ? Buffer.from(content).toString('latin1') : undefined));
  move(({ file }) => file.slice(file.lastIndexOf('/') + 1));
  return moves;
}

function grouped(
  files: readonly ProfileFile[],
  keyOf: (file: ProfileFile) => string | undefined,
): ReadonlyMap<string, readonly ProfileFile[]> {
  const groups = new Map<string, ProfileFile[]>();
  for (const file of files) {
    const key = keyOf(file);
    if (key !== undefined) groups.set(key, [...(groups.get(key) ?? []), file]);
  }
  return groups;
}

/** Returns how a profile changed; undefined if neither file holds a profile. */
function compare({ before, after }: Pair, options: CompareOptions): ComparedProfile | undefined {
  const from = before && read(before, options);
  // What was a profile must stay one, if its file is still there.
  const to = after && read({ ...after, ...(isProfile(from) && { isNamed: true }) }, options);
  if (from === undefined && to === undefined) return undefined;
  const name = (after ?? before)?.name ?? '';
  const files = { ...(from && { from: before?.file ?? '' }), ...(to && { to: after?.file ?? '' }) };
  if (to instanceof FairleadError) return { name, change: 'invalid', ...files, loosened: false, error: to };
  if (to === undefined) {
    return { name, change: 'deleted', ...files, ...(isProfile(from) && { kind: from.kind }), loosened: false };
  }
  const known = { kind: to.kind, ...(to.unknownFields && { unknownFields: to.unknownFields }) };
  if (from === undefined) return { name, change: 'new', ...files, ...known, loosened: false };
  const change = before?.name === name ? 'changed' : 'renamed';
  const undecided =
    from instanceof FairleadError
      ? 'the old file is not a valid profile'
      : mechanismOf(from) === mechanismOf(to)
        ? undefined
        : `the old profile is of kind ${from.kind}`;
  if (from instanceof FairleadError || undecided !== undefined) {
    return { name, change, ...files, ...known, loosened: true, ...(undecided !== undefined && { undecided }) };
  }
  try {
    options.refuse?.([from, to], [files.from ?? '', files.to ?? '']);
  } catch (error) {
    if (!(error instanceof FairleadError)) throw error;
    return { name, change: 'invalid', ...files, ...known, loosened: false, error };
  }
  const diff = diffProfiles(from, to, options.nativeArchitecture);
  return { name, change, ...files, ...known, loosened: isLoosened(diff), diff };
}

function isProfile(read: Profile | FairleadError | undefined): read is Profile {
  return read !== undefined && !(read instanceof FairleadError);
}

/** Returns the profile of a file, why it is invalid, or undefined if the file holds no profile. */
function read({ content, file, isNamed }: ProfileFile, options: CompareOptions): Profile | FairleadError | undefined {
  if (content instanceof FairleadError) return content;
  try {
    const profile = importProfile(content, file, options);
    refuseMisspelt(profile.unknownFields ?? []);
    return profile;
  } catch (error) {
    if (!(error instanceof FairleadError)) throw error;
    return isNamed || mayHoldProfile(content, file) ? error : undefined;
  }
}
