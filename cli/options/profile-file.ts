import { release } from 'node:os';
import { basename, extname } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { FairleadError } from '#lib/errors';
import type { ImportOptions } from '#lib/profile/import-profile';
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
  /** Whose default capabilities the container has; those of containerd if it is absent. */
  readonly like?: RuntimeLike;
}

/** How profiles are read; see importProfile. */
type Reading = Pick<ImportOptions, 'lenient' | 'blankHint'>;

/** As many profiles as there are files. */
type ProfileOfEach<Files extends readonly string[]> = { readonly [Index in keyof Files]: Profile };

/** What importProfile reads at most. */
const maxProfileBytes = 8 * 1024 * 1024;

/**
 * Adds the options that say in which format profiles are, and for which container those with
 * conditions are resolved.
 */
export function addProfileOptions(command: Command): Command {
  command.addOption(
    new Option('--from <format>', 'read this format only; without it, it is found out').choices(profileFormats),
  );
  command.option('--document <name>', 'which one, in a file of several documents or a List: its name or number');
  return addContainerOptions(command);
}

/** Adds the options that say for which container a profile with conditions is resolved. */
export function addContainerOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--architecture <name>', `the machine: ${machineArchitectures.join(', ')}`)
        .argParser(parseArchitecture)
        .default(machineArchitecture(process.arch), "this machine's"),
    )
    .addOption(
      new Option('--capabilities <list>', "the container's, such as default,NET_ADMIN; ALL and none are known too")
        .argParser(parseCapabilities)
        .default(parseCapabilities('default'), 'what the runtime gives a container that asks for nothing'),
    )
    .addOption(
      new Option('--kernel <release>', 'the kernel, on which profiles of Docker and of runtimes depend').default(
        release(),
        "this machine's",
      ),
    );
}

function parseArchitecture(text: string): MachineArchitecture {
  const found = machineArchitectures.find((name) => name === text);
  if (found !== undefined) return found;
  throw new InvalidArgumentError(`It is one of ${machineArchitectures.join(', ')}.`);
}

/** Returns the machine and the container that the options describe. */
export function hostOf(options: ContainerOptions & Pick<ProfileOptions, 'like'>): ProfileHost {
  const { architecture, capabilities, kernel, like } = options;
  return { architecture, kernel, capabilities: boundingSet(capabilities, like?.name ?? 'containerd') };
}

/**
 * Reads a profile that was named on the command line, in any format; `-` is stdin.
 *
 * @throws FairleadError InvalidInput where it cannot be read; ProfileInvalid naming the place in
 * it.
 */
async function readProfileFile(file: string, options: ProfileOptions, reading: Reading): Promise<Profile> {
  const { from, document } = options;
  // Loaded where profiles are read: others only want the options.
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

/** The same for several files, in their order. */
export async function readProfileFiles<const Files extends readonly string[]>(
  files: Files,
  options: ProfileOptions,
  reading: Reading = {},
): Promise<ProfileOfEach<Files>> {
  refuseStdinTwice(files);
  const profiles = await Promise.all(files.map((file) => readProfileFile(file, options, reading)));
  return profiles as unknown as ProfileOfEach<Files>;
}

/** The same, with what kept a file from being read in place of its profile. */
export function settleProfileFiles(
  files: readonly string[],
  options: ProfileOptions,
): Promise<readonly PromiseSettledResult<Profile>[]> {
  refuseStdinTwice(files);
  return Promise.allSettled(files.map((file) => readProfileFile(file, options, {})));
}

function refuseStdinTwice(files: readonly string[]): void {
  if (files.filter((file) => file === '-').length <= 1) return;
  throw new FairleadError('InvalidInput', 'stdin can be read once only', {
    hint: 'Give the other profiles as files.',
  });
}

/**
 * What readProfileFiles reads, telling on stderr of fields that nobody knows: what is made of the
 * profiles does not have them. One that is probably a known field, misspelt, is refused.
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
    const name = sourceName(files[index] ?? '');
    const [dropped, respelled] = [false, true].map((isRead) =>
      unknownFields.filter(({ readAs }) => (readAs !== undefined) === isRead).map(({ pointer }) => pointer),
    );
    if (dropped?.length) writeNote('note', `${name}: unknown fields are left out: ${dropped.join(', ')}`);
    if (respelled?.length) writeNote('note', `${name}: read without regard to letter case: ${respelled.join(', ')}`);
  }
  return profiles;
}

/** How messages call a file. */
export function sourceName(file: string): string {
  return file === '-' ? 'stdin' : file;
}

/** The name for a form that has names: the profile's own, else that of its file. */
export function profileName(profile: Profile, file: string): string {
  return profile.name ?? (file === '-' ? 'profile' : basename(file, extname(file)));
}
