import { release } from 'node:os';
import { basename, extname } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { FairleadError } from '#lib/errors';
import type { ImportOptions } from '#lib/profile/import-profile';
import type { UnknownField } from '#lib/profile/json/unknown-fields';
import type { Profile } from '#lib/profile/profile';
import { type ProfileFormat, profileFormats } from '#lib/profile/profile-format';
import type { ProfileHost } from '#lib/profile/seccomp/read/resolve-docker';
import type { MachineArchitecture } from '#lib/profile/seccomp/tables/architecture';
import { machineArchitecture, machineArchitectures } from '#lib/profile/seccomp/tables/architecture';
import { readInput } from '../files/files.ts';
import { writeNote } from '../terminal/output.ts';
import { boundingSet, type CapabilityList, parseCapabilities } from './container.ts';
import type { RuntimeLike } from './runtime-like.ts';

/** Values of the options that addContainerOptions adds. */
export interface ContainerOptions {
  readonly architecture: MachineArchitecture;
  readonly capabilities: CapabilityList;
  readonly kernel: string;
}

/** Values of the options that addProfileOptions adds. */
export interface ProfileOptions extends ContainerOptions {
  readonly from?: ProfileFormat;
  readonly document?: string;
  /** The runtime whose default capabilities the container has; by default containerd. */
  readonly like?: RuntimeLike;
}

/** Options of importProfile. */
type Reading = Pick<ImportOptions, 'lenient' | 'blankHint'>;

/** One profile for each file. */
type ProfileOfEach<Files extends readonly string[]> = { readonly [Index in keyof Files]: Profile };

/** The limit of importProfile. */
const maxProfileBytes = 8 * 1024 * 1024;

/**
 * Adds the options for the format of profiles, and for the container that profiles with conditions
 * are resolved for.
 */
export function addProfileOptions(command: Command): Command {
  command.addOption(new Option('--from <format>', 'format of the file, detected by default').choices(profileFormats));
  command.option('--document <name>', 'name or number of the document, in a file with several documents or a List');
  return addContainerOptions(command);
}

/** Adds the options for the container that profiles with conditions are resolved for. */
export function addContainerOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--architecture <name>', `architecture of the machine: ${machineArchitectures.join(', ')}`)
        .argParser(parseArchitecture)
        .default(machineArchitecture(process.arch), 'that of this machine'),
    )
    .addOption(
      new Option('--capabilities <list>', 'capabilities of the container, such as default,NET_ADMIN; or ALL or none')
        .argParser(parseCapabilities)
        .default(parseCapabilities('default'), 'the default capabilities of the runtime'),
    )
    .addOption(
      new Option('--kernel <release>', 'release of the kernel, on which some profiles depend')
        .argParser(parseKernel)
        .default(release(), 'that of this machine'),
    );
}

function parseArchitecture(text: string): MachineArchitecture {
  const found = machineArchitectures.find((name) => name === text);
  if (found !== undefined) return found;
  throw new InvalidArgumentError(`Want one of ${machineArchitectures.join(', ')}.`);
}

/** Without its first two numbers, a release would count as older than every kernel. */
function parseKernel(text: string): string {
  if (/^[0-9]+\.[0-9]+/.test(text)) return text;
  throw new InvalidArgumentError('Want MAJOR.MINOR, such as 6.1.');
}

/** Returns the machine and the container that the options describe. */
export function hostOf(options: ContainerOptions & Pick<ProfileOptions, 'like'>): ProfileHost {
  const { architecture, capabilities, kernel, like } = options;
  return { architecture, kernel, capabilities: boundingSet(capabilities, like?.name ?? 'containerd') };
}

/**
 * Reads a profile in any format; `-` is stdin.
 *
 * @throws FairleadError InvalidInput if the file cannot be read; ProfileInvalid with the position
 * of the fault.
 */
async function readProfileFile(file: string, options: ProfileOptions, reading: Reading): Promise<Profile> {
  const { from, document } = options;
  // Loaded late: commands that read no profile use the options only.
  const [bytes, { importProfile }] = await Promise.all([
    readInput(file, maxProfileBytes),
    import('#lib/profile/import-profile'),
  ]);
  return importProfile(bytes, sourceName(file), {
    ...(from === undefined ? {} : { format: from }),
    ...(document === undefined ? {} : { document }),
    host: hostOf(options),
    ...reading,
  });
}

/** Reads several profiles, in the order of the files; see readProfileFile. */
export async function readProfileFiles<const Files extends readonly string[]>(
  files: Files,
  options: ProfileOptions,
  reading: Reading = {},
): Promise<ProfileOfEach<Files>> {
  refuseStdinTwice(files);
  const profiles = await Promise.all(files.map((file) => readProfileFile(file, options, reading)));
  return profiles as unknown as ProfileOfEach<Files>;
}

/** Reads several profiles, with the error of each file that cannot be read. */
export function settleProfileFiles(
  files: readonly string[],
  options: ProfileOptions,
): Promise<readonly PromiseSettledResult<Profile>[]> {
  refuseStdinTwice(files);
  return Promise.allSettled(files.map((file) => readProfileFile(file, options, {})));
}

function refuseStdinTwice(files: readonly string[]): void {
  if (files.filter((file) => file === '-').length <= 1) return;
  throw new FairleadError('InvalidInput', 'stdin can be read only once', {
    hint: 'Name files for the other profiles.',
  });
}

/**
 * Reads several profiles, and notes unknown fields on stderr: the output does not have them. Throws
 * ProfileInvalid for one that is probably a misspelled known field.
 */
export async function readNotedFiles<const Files extends readonly string[]>(
  files: Files,
  options: ProfileOptions,
  reading: Reading = {},
): Promise<ProfileOfEach<Files>> {
  const profiles = await readProfileFiles(files, options, reading);
  const { refuseMisspelt } = await import('#lib/profile/parse-runtime');
  for (const [index, { unknownFields = [] }] of profiles.entries()) {
    refuseMisspelt(unknownFields);
    noteUnknownFields(sourceName(files[index] ?? ''), unknownFields);
  }
  return profiles;
}

/** Notes which members of a file its reader dropped, or accepted in another letter case. */
export function noteUnknownFields(name: string, unknownFields: readonly UnknownField[]): void {
  const [dropped, respelled] = [false, true].map((isRead) =>
    unknownFields.filter(({ readAs }) => (readAs !== undefined) === isRead).map(({ pointer }) => pointer),
  );
  if (dropped?.length) writeNote('note', `${name}: unknown fields were left out: ${dropped.join(', ')}`);
  if (respelled?.length) writeNote('note', `${name}: read without regard to letter case: ${respelled.join(', ')}`);
}

/** Returns the name of a file in messages. */
export function sourceName(file: string): string {
  return file === '-' ? 'stdin' : file;
}

/** Returns the name of a profile, by default that of its file. */
export function profileName(profile: Profile, file: string): string {
  return profile.name ?? (file === '-' ? 'profile' : basename(file, extname(file)));
}
