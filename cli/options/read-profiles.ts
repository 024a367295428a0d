import { basename, extname } from 'node:path';
import { FairleadError } from '#lib/errors';
import type { ImportOptions } from '#lib/profile/import-profile';
import type { UnknownField } from '#lib/profile/json/unknown-fields';
import type { Profile } from '#lib/profile/profile';
import { readInput, refuseSharedStdin } from '../files/files.ts';
import { writeNote } from '../terminal/output.ts';
import type { RegistryOptions } from './options.ts';
import { hostOf, type ProfileOptions } from './profile-options.ts';
import { findSource, looksLikeReference, type ProfileSource } from './profile-source.ts';
import { names, type ReadingTrustOptions } from './pull-policy.ts';

/** Values of the options of a command that reads profiles from files and registries. */
export interface ReadingOptions extends ProfileOptions, RegistryOptions, ReadingTrustOptions {}

/** A profile, and where it comes from. */
export interface SourcedProfile {
  readonly profile: Profile;
  /**
   * The name of its source in messages and results: a file, `stdin`, or a reference with the digest
   * that was read.
   */
  readonly source: string;
  /** The path of its file; absent if it comes from stdin or a registry. */
  readonly path?: string;
}

/** A profile that the command line names. */
export interface NamedProfile extends SourcedProfile {
  /** Its own name, or else that of its file or repository. */
  readonly name: string;
}

/** Options of importProfile. */
type Reading = Pick<ImportOptions, 'lenient' | 'blankHint' | 'places'>;

/** One profile for each argument. */
type ProfileOfEach<Names extends readonly string[]> = { readonly [Index in keyof Names]: NamedProfile };

/** The limit of importProfile. */
const maxProfileBytes = 8 * 1024 * 1024;

/**
 * Reads several profiles, in the order of the arguments, which name files, stdin (`-`) or artifacts
 * in registries (findSource). An artifact is pulled as nodes pull it, under the policy that the
 * options specify. Throws InvalidInput for a file that cannot be read and for options that do not
 * fit, ProfileInvalid with the position of the fault, and as pullProfile does.
 */
export async function readProfiles<const Names extends readonly string[]>(
  args: Names,
  options: ReadingOptions,
  reading: Reading = {},
): Promise<ProfileOfEach<Names>> {
  const started = await startReading(args, options, reading);
  return (await Promise.all(started)) as unknown as ProfileOfEach<Names>;
}

/** Reads several profiles, with the error of each that cannot be read. */
export async function settleProfiles(
  args: readonly string[],
  options: ReadingOptions,
  reading: Reading = {},
): Promise<readonly PromiseSettledResult<NamedProfile>[]> {
  return Promise.allSettled(await startReading(args, options, reading));
}

/**
 * Reads several profiles, and notes unknown fields on stderr: the output does not have them. Throws
 * ProfileInvalid for one that is probably a misspelled known field.
 */
export async function readNotedProfiles<const Names extends readonly string[]>(
  args: Names,
  options: ReadingOptions,
  reading: Reading = {},
): Promise<ProfileOfEach<Names>> {
  const found = await readProfiles(args, options, reading);
  const { refuseMisspelt } = await import('#lib/profile/parse-runtime');
  for (const { profile, source } of found) {
    const { unknownFields = [] } = profile;
    refuseMisspelt(unknownFields);
    noteUnknownFields(source, unknownFields);
  }
  return found;
}

/** Notes which members of a file its reader dropped, or accepted in another letter case. */
export function noteUnknownFields(source: string, unknownFields: readonly UnknownField[]): void {
  const [dropped, respelled] = [false, true].map((isRead) =>
    unknownFields.filter(({ readAs }) => (readAs !== undefined) === isRead).map(({ pointer }) => pointer),
  );
  if (dropped?.length) writeNote('note', `${source}: unknown fields were left out: ${dropped.join(', ')}`);
  if (respelled?.length) writeNote('note', `${source}: read without regard to letter case: ${respelled.join(', ')}`);
}

/**
 * Begins to read each profile. Throws InvalidInput for arguments and options that do not fit
 * together; what is wrong with one profile rejects its own promise.
 */
async function startReading(
  args: readonly string[],
  options: ReadingOptions,
  reading: Reading,
): Promise<readonly Promise<NamedProfile>[]> {
  const sources = await Promise.all(args.map(findSource));
  const stdin = sources.filter(({ from }) => from === 'stdin').length;
  if (stdin > 1) {
    throw new FairleadError('InvalidInput', 'stdin can be read only once', {
      hint: 'Name files for the other profiles.',
    });
  }
  const references = sources.flatMap((source) => (source.from === 'registry' ? [source.reference] : []));
  const [first] = references;
  if (first === undefined) {
    // A policy in the environment is for other commands too.
    const { policy, ...others } = options;
    const asked = policy === process.env['FAIRLEAD_POLICY'] ? others : options;
    if (names(asked)) writeNote('note', 'nothing was verified: no profile comes from a registry');
  } else {
    refuseSharedStdin(stdin > 0 ? 'the profile' : undefined, options.passwordStdin ? '--password-stdin' : undefined);
    if (references.length === sources.length) refuseFileOptions(options);
  }
  // Loaded only where it is needed: most commands read files.
  const readReference =
    first && (await (await import('./read-references.ts')).openReferences(first, options, process.env));
  return sources.map((source) => {
    if (source.from !== 'registry') return readFile(source, options, reading);
    if (readReference === undefined) throw new FairleadError('Internal', 'no registry was opened');
    return readReference(source.reference);
  });
}

async function readFile(
  source: Exclude<ProfileSource, { from: 'registry' }>,
  options: ReadingOptions,
  reading: Reading,
): Promise<NamedProfile> {
  const { from: format, document } = options;
  const path = source.from === 'stdin' ? '-' : source.path;
  const name = source.from === 'stdin' ? 'stdin' : source.path;
  // Loaded late: commands that read no profile use the options only.
  const [bytes, { importProfile }] = await Promise.all([
    readInput(path, maxProfileBytes).catch((error: unknown) => {
      throw missing(error, path);
    }),
    import('#lib/profile/import-profile'),
  ]);
  const profile = importProfile(bytes, name, {
    ...(format === undefined ? {} : { format }),
    ...(document === undefined ? {} : { document }),
    host: hostOf(options),
    ...reading,
  });
  const usual = source.from === 'stdin' ? 'profile' : basename(path, extname(path));
  return { profile, source: name, name: profile.name ?? usual, ...(source.from === 'file' && { path }) };
}

/** Adds to the error for a missing file how to name a profile in a registry, if it may be meant. */
function missing(error: unknown, path: string): unknown {
  if (!(error instanceof FairleadError) || (error.cause as NodeJS.ErrnoException | undefined)?.code !== 'ENOENT')
    return error;
  if (!looksLikeReference(path)) return error;
  return new FairleadError(error.kind, error.message, {
    cause: error.cause,
    hint: path.startsWith('oci/')
      ? 'There is no such file. oci/ is for the localhostProfile of a pod: here, write oci:// in its place.'
      : 'There is no such file. A profile in a registry is oci://REGISTRY/REPOSITORY:TAG, or @sha256:… in place of the tag.',
  });
}

/** Refuses options about the content of files if no files are read. */
function refuseFileOptions({ from, document }: ProfileOptions): void {
  const found = from !== undefined ? '--from' : document !== undefined ? '--document' : undefined;
  if (found === undefined) return;
  throw new FairleadError('InvalidInput', `${found} is for files; a registry has each profile in one form`, {
    hint: `Leave out ${found}.`,
  });
}
