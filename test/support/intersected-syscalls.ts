import type { Decision } from '#lib/profile/seccomp/algebra/decision';
import type { Intersection } from '#lib/profile/seccomp/intersect';

/** Returns what an intersection comes to, by the names of the syscalls, sorted. */
export function intersectedSyscalls({
  ids,
  groups,
}: Intersection): readonly { readonly name: string; readonly result: Decision }[] {
  const all = groups.flatMap(({ syscalls, result }) => syscalls.map((id) => ({ name: ids.nameOf(id), result })));
  return all.sort((a, b) => (a.name < b.name ? -1 : 1));
}
