import { FairleadError } from '#lib/errors';
import type { AppArmorProfile } from './model.ts';
import { customResourceGroup } from './parse.ts';
import { checkPolicyName } from './policy-name.ts';
import { spoPaths } from './spo-paths.ts';

/**
 * Writes a profile as the JSON of KEP-6061: UTF-8, two spaces of indent, sections and lists in a
 * fixed order, a newline at the end. The same profile always gives the same text. Flags that are
 * false and lists that are empty are written too, for "empty" and "not there" differ.
 *
 * @throws FairleadError ProfileInvalid for a profile in complain mode: the format has no mode, and
 * whoever reads it enforces.
 */
export function renderAppArmorJson(profile: AppArmorProfile): string {
  if (profile.mode === 'Complain') {
    throw new FairleadError('ProfileInvalid', 'the profile is in complain mode, which KEP-6061 artifacts cannot say', {
      hint: 'Set the mode to Enforce. A profile in complain mode cannot be published; apparmor_parser takes it as policy text.',
    });
  }
  return `${JSON.stringify(abstractOf(profile), undefined, 2)}\n`;
}

/**
 * Writes a profile as SPO's AppArmorProfile v1, in YAML. Paths that SPO would refuse are written
 * out as several, which mean the same.
 *
 * @param name of the resource; SPO loads the profile under it.
 * @throws FairleadError InvalidInput where no policy may have the name; ProfileInvalid naming a
 * path that cannot be written.
 */
export function renderAppArmorResource(profile: AppArmorProfile, name: string): string {
  checkPolicyName(name);
  const lines = [
    `apiVersion: ${customResourceGroup}/v1`,
    'kind: AppArmorProfile',
    'metadata:',
    `  name: ${JSON.stringify(name)}`,
    'spec:',
    `  mode: ${profile.mode}`,
  ];
  const abstract = abstractOf(forSpo(profile));
  const text = Object.keys(abstract).length === 0 ? ['  abstract: {}'] : ['  abstract:', ...yamlOf(abstract, '    ')];
  return `${[...lines, ...text].join('\n')}\n`;
}

function forSpo(profile: AppArmorProfile): AppArmorProfile {
  const { executable, filesystem } = profile;
  return {
    ...profile,
    ...(executable && { executable: allForSpo(executable) }),
    ...(filesystem && { filesystem: allForSpo(filesystem) }),
  };
}

function allForSpo<Name extends string>(lists: Readonly<Record<Name, readonly string[]>>): typeof lists {
  const written = Object.entries<readonly string[]>(lists).map(([name, paths]) => [name, paths.flatMap(pathsForSpo)]);
  return Object.fromEntries(written) as typeof lists;
}

function pathsForSpo(path: string): readonly string[] {
  const paths = spoPaths(path);
  if (paths !== undefined) return paths;
  const message = `path ${JSON.stringify(path)}: the Security Profiles Operator takes none that says this`;
  throw new FairleadError('ProfileInvalid', message, {
    hint: 'It takes letters, digits, blanks, "*", "**", "?" and _ . / + @ { } -. Write the profile in another form: `form: \'runtime\'`.',
  });
}

type Tree = { readonly [key: string]: Tree | readonly string[] | boolean };

function abstractOf({ executable, filesystem, network, capability }: AppArmorProfile): Tree {
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

/** Strings are written as JSON, which is YAML too, so that none of them can mean anything else. */
function yamlOf(tree: Tree, indent: string): readonly string[] {
  return Object.entries(tree).flatMap(([key, value]) => {
    if (typeof value === 'boolean') return [`${indent}${key}: ${value}`];
    if (!isList(value)) return [`${indent}${key}:`, ...yamlOf(value, `${indent}  `)];
    if (value.length === 0) return [`${indent}${key}: []`];
    return [`${indent}${key}:`, ...value.map((text) => `${indent}  - ${JSON.stringify(text)}`)];
  });
}

function isList(value: Tree | readonly string[]): value is readonly string[] {
  return Array.isArray(value);
}
