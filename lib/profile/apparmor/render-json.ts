import { FairleadError } from '#lib/errors';
import type { AppArmorProfile } from './model.ts';

/**
 * Writes a profile as the JSON of KEP-6061: UTF-8, two spaces of indent, sections and lists in a
 * fixed order, a newline at the end. The same profile always gives the same text. Flags that are
 * false and lists that are empty are written too, because an empty section and a missing one
 * differ.
 *
 * @throws FairleadError ProfileInvalid for a profile in complain mode: the format has no mode, and
 * its readers enforce.
 */
export function renderAppArmorJson(profile: AppArmorProfile): string {
  if (profile.mode === 'Complain') {
    throw new FairleadError(
      'ProfileInvalid',
      'the profile is in complain mode, which KEP-6061 artifacts cannot express',
      {
        hint: 'Set the mode to Enforce. A profile in complain mode cannot be published; apparmor_parser takes it as policy text.',
      },
    );
  }
  return `${JSON.stringify(abstractOf(profile), undefined, 2)}\n`;
}

/** Members of a document by name. */
export type Tree = { readonly [key: string]: Tree | readonly string[] | boolean };

/** Returns the sections of a profile, with the names and in the order of both forms. */
export function abstractOf({ executable, filesystem, network, capability }: AppArmorProfile): Tree {
  return {
    ...(executable && {
      executable: {
        allowedExecutables: executable.allowedExecutables,
        allowedLibraries: executable.allowedLibraries,
      },
    }),
    ...(filesystem && {
      filesystem: {
        readOnlyPaths: filesystem.readOnlyPaths,
        writeOnlyPaths: filesystem.writeOnlyPaths,
        readWritePaths: filesystem.readWritePaths,
      },
    }),
    ...(network && {
      network: {
        allowRaw: network.allowRaw,
        allowedProtocols: { allowTcp: network.allowTcp, allowUdp: network.allowUdp },
      },
    }),
    ...(capability && { capability: { allowedCapabilities: capability.allowedCapabilities } }),
  };
}
