import type { SeccompProfile, SeccompRule } from '../model.ts';

/**
 * Returns the JSON pointer into a profile of what a pointer into its publishable form (see
 * withoutConflicts and withoutIdleParts) points at: the same entry, or for an entry that was
 * written anew, the first one with its name.
 */
export function pointerBefore(profile: SeccompProfile, published: SeccompProfile, pointer: string): string {
  const [, place, rest = ''] = /^\/syscalls\/([0-9]+)(.*)$/.exec(pointer) ?? [];
  const { syscalls: written = [] } = published;
  const entry = place === undefined ? undefined : written[Number(place)];
  if (entry === undefined) return pointer;
  const { syscalls = [] } = profile;
  // Entries that stay keep their list of names, which several may share, and their order.
  const isAlike = ({ names }: SeccompRule): boolean => names === entry.names;
  const nth = written.slice(0, Number(place)).filter(isAlike).length;
  const same = syscalls.filter(isAlike)[nth];
  if (same !== undefined) return `/syscalls/${syscalls.indexOf(same)}${rest}`;
  const [name = ''] = entry.names;
  const first = syscalls.findIndex(({ names }) => names.includes(name));
  return first < 0 ? '/syscalls' : `/syscalls/${first}/names/${syscalls[first]?.names.indexOf(name)}`;
}
