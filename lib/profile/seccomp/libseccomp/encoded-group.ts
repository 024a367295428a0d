import type { SyscallIds } from '../tables/syscall-ids.ts';
import type { Encoding } from './encoding.ts';

/**
 * Syscalls of a profile that is being made, by their numbers, and the rules for each of them. None
 * is in two groups.
 */
export interface EncodedGroup {
  readonly syscalls: readonly number[];
  readonly encoding: Encoding;
}

/** Returns the encoding of each syscall, at its number. */
export function encodingsOf(groups: readonly EncodedGroup[], ids: SyscallIds): readonly (Encoding | undefined)[] {
  const encodings = new Array<Encoding | undefined>(ids.size);
  for (const { syscalls, encoding } of groups) for (const id of syscalls) encodings[id] = encoding;
  return encodings;
}

/**
 * Returns groups in which some syscalls have other rules.
 *
 * @param replacements the rules by name.
 * @param unnamed what holds for syscalls that are in none of the groups.
 */
export function withReplaced<Group extends EncodedGroup>(
  groups: readonly Group[],
  replacements: ReadonlyMap<string, Encoding>,
  unnamed: Group,
  ids: SyscallIds,
): readonly Group[] {
  if (replacements.size === 0) return groups;
  const encodings = new Array<Encoding | undefined>(ids.size);
  const left = new Set<number>();
  for (const [name, encoding] of replacements) {
    const id = ids.idOf(name);
    encodings[id] = encoding;
    left.add(id);
  }
  const isReplaced = (id: number) => encodings[id] !== undefined;
  const result: Group[] = [];
  for (const group of groups) {
    if (!group.syscalls.some(isReplaced)) {
      result.push(group);
      continue;
    }
    const kept = group.syscalls.filter((id) => !isReplaced(id));
    if (kept.length > 0) result.push({ ...group, syscalls: kept });
    for (const id of group.syscalls) {
      const encoding = encodings[id];
      if (encoding !== undefined) result.push({ ...group, syscalls: [id], encoding });
      left.delete(id);
    }
  }
  for (const id of left) result.push({ ...unnamed, syscalls: [id], encoding: encodings[id] ?? unnamed.encoding });
  return result;
}
