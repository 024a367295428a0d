import type { Outcome } from '../algebra/outcome.ts';
import { isMultiplexed, isMultiplexing, membersOf } from '../tables/multiplexed-names.ts';
import type { SyscallIds } from '../tables/syscall-ids.ts';
import { isOnArchitecture, isOnEveryArchitecture } from '../tables/syscall-names.ts';
import type { EncodedGroup } from './encoded-group.ts';
import type { Encoding } from './encoding.ts';

const x86_64 = 'SCMP_ARCH_X86_64';
const x32 = 'SCMP_ARCH_X32';

/**
 * A system call that every architecture but x32 has and no kernel since 3.1 implements: it always
 * fails with ENOSYS.
 */
const unimplemented = 'nfsservctl';
/** One that x86 and x32 have and no kernel ever implemented. */
const unimplementedOnX32 = 'getpmsg';

/**
 * Keeps libseccomp from losing all rules of an architecture. In filters without a binary tree,
 * libseccomp 2.5 and 2.6 load the syscall number in the code for the syscall with the fewest
 * conditions. If the architecture has no number for that syscall, they leave its code out, and with
 * it the load: no rule ever matches. x86_64 without x32 is not affected.
 *
 * An unconditional rule for an unimplemented system call prevents it. Without one, the names that
 * an architecture may not have fall to the default.
 *
 * @param anchorOf the outcome of an unimplemented system call, which is not the default; undefined
 * if none exists.
 * @returns replacements by name.
 */
export function keepNumberLoad(
  groups: readonly EncodedGroup[],
  ids: SyscallIds,
  architectures: readonly string[],
  anchorOf: (unimplemented: string) => Outcome | undefined,
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
  const names = leadsX32(architectures) ? [unimplemented, unimplementedOnX32] : [unimplemented];
  const anchors = names.flatMap((name): [string, Encoding][] => {
    const outcome = anchorOf(name);
    return outcome === undefined ? [] : [[name, { rules: [{ args: [], outcome }], exact: false }]];
  });
  if (anchors.length > 0) return new Map(anchors);
  // Without its own rule a multiplexer would meet those of its members.
  const dropped = absent.flatMap((name) => [name, ...membersOf(name)]);
  return new Map(dropped.map((name) => [name, { rules: [], exact: false }]));
}

/**
 * Returns the names for which libseccomp may lose all rules of an architecture, see keepNumberLoad;
 * none if it does not.
 *
 * @param added the syscalls with rules; `isDecided` if one has no conditions.
 * @param architectures in the order in which a runtime adds them, the native one first.
 */
export function namesThatLoseLoad(
  added: readonly { readonly name: string; readonly isDecided: boolean }[],
  architectures: readonly string[],
): readonly string[] {
  const at = architectures.filter((name) => mayLoseLoad(name, architectures));
  const decided = added.filter(({ isDecided }) => isDecided);
  const isSafe = (architecture: string) => decided.some(({ name }) => isOnArchitecture(name, architecture));
  const unsafe = at.filter((architecture) => !isSafe(architecture));
  const absent = added.filter(({ name }) => unsafe.some((architecture) => mayLackNumber(name, architecture)));
  return absent.map(({ name }) => name);
}

/**
 * Reports whether the load may be lost. x86_64 and x32 share their code, which begins with the
 * calls of the one that was added first.
 */
function mayLoseLoad(architecture: string, architectures: readonly string[]): boolean {
  if (architecture === x86_64) return architectures.includes(x32);
  return architecture !== x32 || leadsX32(architectures);
}

/** Reports whether x32 is listed, and not after x86_64. */
function leadsX32(architectures: readonly string[]): boolean {
  const at = architectures.indexOf(x32);
  return at >= 0 && !architectures.slice(0, at).includes(x86_64);
}

/**
 * Returns architectures, each once, sorted, but for x86_64, which goes before x32; see
 * keepNumberLoad.
 */
export function inLoadOrder(architectures: Iterable<string>): readonly string[] {
  const sorted = [...new Set(architectures)].sort();
  if (!sorted.includes(x32) || !sorted.includes(x86_64)) return sorted;
  return sorted.flatMap((name) => (name === x86_64 ? [] : name === x32 ? [x86_64, x32] : [name]));
}

/**
 * Reports whether libseccomp adds a rule for the syscall although the architecture has no number
 * for it.
 */
function mayLackNumber(name: string, architecture: string): boolean {
  if (isOnArchitecture(name, architecture)) return false;
  // Elsewhere names without a number are dropped, except for members of a multiplexer.
  return !isMultiplexing(architecture) || isMultiplexed(name);
}
