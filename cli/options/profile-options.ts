import { release } from 'node:os';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type ProfileFormat, profileFormats } from '#lib/profile/profile-format';
import type { ProfileHost } from '#lib/profile/seccomp/read/resolve-docker';
import type { MachineArchitecture } from '#lib/profile/seccomp/tables/architecture';
import { machineArchitecture, machineArchitectures } from '#lib/profile/seccomp/tables/architecture';
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

/** Without its first two numbers, a release would be treated as older than every kernel. */
function parseKernel(text: string): string {
  if (/^[0-9]+\.[0-9]+/.test(text)) return text;
  throw new InvalidArgumentError('Want MAJOR.MINOR, such as 6.1.');
}

/** Returns the machine and the container that the options describe. */
export function hostOf(options: ContainerOptions & Pick<ProfileOptions, 'like'>): ProfileHost {
  const { architecture, capabilities, kernel, like } = options;
  return { architecture, kernel, capabilities: boundingSet(capabilities, like?.name ?? 'containerd') };
}
