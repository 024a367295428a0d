import type { Move } from './moves.ts';
import { below, isList, isObject, type Json, stepsOf } from './value.ts';

/**
 * Returns a value with its members in the order of the old one: a moved field, or the group that it
 * is in now, takes the place of the field.
 */
export function arrange(old: Json | undefined, next: Json, moves: readonly Move[]): Json {
  return arranged(old, next, new Map(moves.map(({ from, to }) => [from, to])), '', '');
}

function arranged(
  old: Json | undefined,
  next: Json,
  targets: ReadonlyMap<string, string>,
  from: string,
  to: string,
): Json {
  if (isList(next)) {
    return next.map((item, index) =>
      arranged(isList(old) ? old[index] : undefined, item, targets, below(from, index), below(to, index)),
    );
  }
  if (!isObject(next)) return next;
  const before = isObject(old) ? old : {};
  const order = new Set<string>();
  for (const key of Object.keys(before)) {
    const moved = targets.get(below(from, key));
    if (moved === undefined) order.add(key);
    else if (moved.startsWith(`${to}/`)) order.add(stepsOf(moved)[stepsOf(to).length] ?? key);
  }
  for (const key of Object.keys(next)) order.add(key);
  return Object.fromEntries(
    [...order].flatMap((key): [string, Json][] => {
      const value = Object.hasOwn(next, key) ? next[key] : undefined;
      if (value === undefined) return [];
      const member = Object.hasOwn(before, key) ? before[key] : undefined;
      return [[key, arranged(member, value, targets, below(from, key), below(to, key))]];
    }),
  );
}
