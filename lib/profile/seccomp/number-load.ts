import type { Encoding } from './encode.ts';
import type { EncodedGroup } from './encoded-group.ts';
import { isMultiplexed, isMultiplexing, membersOf } from './multiplexed-names.ts';
import type { Outcome } from './outcome.ts';
import type { SyscallIds } from './syscall-ids.ts';
import { isOnArchitecture, isOnEveryArchitecture } from './syscall-names.ts';

/** A system call that every architecture has and no kernel since 3.1 implements: it always fails with ENOSYS. */
export const unimplemented = 'nfsservctl';

/**
 * Keeps libseccomp from losing all rules of an architecture. In filters without a binary tree,
 * libseccomp 2.5 and 2.6 load the syscall number in the code for the syscall with the fewest
 * conditions. If the architecture has no number for that syscall, they leave its code out, and with it
 * the load: no rule ever matches. x86_64 without x32 is not affected.
 *
 * An unconditional rule for an unimplemented system call prevents it; `anchor` is its outcome. Without
 * one, the names that an architecture may not have fall to the default.
 *
 * @param anchor an outcome that is not the default.
 * @returns replacements by name.
 */
export function keepNumberLoad(
  groups: readonly EncodedGroup[],
  ids: SyscallIds,
  architectures: readonly string[],
  anchor: Outcome | undefined,
): ReadonlyMap<string, Encoding> {
  const added: { readonly name: string; readonly isDecided: boolean }[] = [];
  for (const { syscalls, encoding } of groups) {
    if (encoding.rules.length === 0) continue;
    const isDecided = encoding.rules.some(({ args }) => args.length === 0);
    // Nearly every profile has one such syscall, and most begin with it.
    if (isDecided && syscalls.some((id) => isOnEveryArchitecture(ids.nameOf(id)))) return new Map();
    for (const id of syscalls) added.push({ name: ids.nameOf(id), isDecided });
  }
  const absent = namesThatLoseLoad(added, architectures);
  if (absent.length === 0) return new Map();
  if (anchor !== undefined) return new Map([[unimplemented, { rules: [{ args: [], outcome: anchor }], exact: false }]]);
  // Without its own rule a multiplexer would meet those of its members.
  const dropped = absent.flatMap((name) => [name, ...membersOf(name)]);
  return new Map(dropped.map((name) => [name, { rules: [], exact: false }]));
}

/**
 * Returns the names for which libseccomp may lose all rules of an architecture, see keepNumberLoad; none if it does not.
 *
 * @param added the syscalls with rules; `isDecided` if one has no conditions.
 */
export function namesThatLoseLoad(
  added: readonly { readonly name: string; readonly isDecided: boolean }[],
  architectures: readonly string[],
): readonly string[] {
  const at = architectures.filter((name) => mayLoseLoad(name, architectures));
  const isCertain = (name: string) => at.every((architecture) => isOnArchitecture(name, architecture));
  if (added.some(({ name, isDecided }) => isDecided && isCertain(name))) return [];
  const absent = added.filter(({ name }) => at.some((architecture) => mayLackNumber(name, architecture)));
  return absent.map(({ name }) => name);
}

/** x32 shares its code with x86_64, whose calls come first. */
function mayLoseLoad(architecture: string, architectures: readonly string[]): boolean {
  if (architecture === 'SCMP_ARCH_X86_64') return architectures.includes('SCMP_ARCH_X32');
  return architecture !== 'SCMP_ARCH_X32';
}

/** Whether libseccomp adds a rule for the syscall although the architecture has no number for it. */
function mayLackNumber(name: string, architecture: string): boolean {
  if (isOnArchitecture(name, architecture)) return false;
  // Elsewhere names without a number are dropped, except where a multiplexer stands for them.
  return !isMultiplexing(architecture) || isMultiplexed(name);
}
