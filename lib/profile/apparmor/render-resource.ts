import { FairleadError } from '#lib/errors';
import type { AppArmorProfile } from './model.ts';
import { customResourceGroup, sections } from './parse.ts';
import { checkPolicyName } from './policy-name.ts';
import { abstractOf, type Tree } from './render-json.ts';
import { spoPaths } from './spo-paths.ts';

/**
 * Writes a profile as SPO's AppArmorProfile v1, in YAML. Paths that SPO would refuse are written
 * out as several, which mean the same.
 *
 * @param name of the resource; SPO loads the profile under it.
 * @throws FairleadError InvalidInput if no policy may have the name; ProfileInvalid naming a path
 * that cannot be written, or a section that is absent: the resource cannot permit everything of a
 * kind.
 */
export function renderAppArmorResource(profile: AppArmorProfile, name: string): string {
  checkPolicyName(name);
  refuseAbsentSections(profile);
  const lines = [
    `apiVersion: ${customResourceGroup}/v1`,
    'kind: AppArmorProfile',
    'metadata:',
    `  name: ${JSON.stringify(name)}`,
    'spec:',
    `  mode: ${profile.mode}`,
  ];
  return `${[...lines, '  abstract:', ...yamlOf(abstractOf(forSpo(profile)), '    ')].join('\n')}\n`;
}

function refuseAbsentSections(profile: AppArmorProfile): void {
  const absent = sections.filter((section) => profile[section] === undefined);
  if (absent.length === 0) return;
  const message = `no "${absent.join('", "')}": what is absent permits everything of its kind, but nothing in an AppArmorProfile`;
  throw new FairleadError('ProfileInvalid', message, {
    hint: 'Write into the profile what is to be permitted; an empty section permits nothing.',
  });
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
  const message = `path ${JSON.stringify(path)}: the Security Profiles Operator accepts no path with this meaning`;
  throw new FairleadError('ProfileInvalid', message, {
    hint: 'It accepts letters, digits, spaces, "*", "**", "?" and _ . / + @ { } -. Write the profile in another form: `form: \'runtime\'`.',
  });
}

/**
 * Returns a tree as lines of YAML. Strings are written as JSON, which is YAML too, so that none of
 * them can mean anything else.
 */
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
