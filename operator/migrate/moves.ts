import { below, equal, isList, isObject, type Json, type JsonObject, stepsOf } from './value.ts';

/** A field that has another place in the new value: pointers into the old and the new value. */
export interface Move {
  readonly from: string;
  readonly to: string;
}

/** The topmost difference of two values: undefined is a value that one of them does not have. */
export interface Difference {
  readonly pointer: string;
  readonly old?: Json;
  readonly next?: Json;
}

/** Returns where two values differ, each place as close to the top as it can be. */
export function differences(old: Json | undefined, next: Json | undefined, pointer = ''): readonly Difference[] {
  if (equal(old, next)) return [];
  if (isObject(old) && isObject(next)) {
    const keys = new Set([...Object.keys(old), ...Object.keys(next)]);
    return [...keys].flatMap((key) => differences(own(old, key), own(next, key), below(pointer, key)));
  }
  if (isList(old) && isList(next) && old.length === next.length) {
    return old.flatMap((item, index) => differences(item, next[index], below(pointer, index)));
  }
  return [{ pointer, ...(old !== undefined && { old }), ...(next !== undefined && { next }) }];
}

/** What a mapping made of a field that the new value does not have in its place. */
export interface Trace {
  readonly from: string;
  readonly value: Json;
  /** Where it is now; undefined if nothing in the new value comes from it. */
  readonly to?: { readonly pointer: string; readonly value: Json };
}

/**
 * Returns the outcome for each field that is not in its place any more. A field's place is what
 * disappears from the result if the field is left out: so this holds for any mapping, and cannot
 * differ from what the mapping does.
 */
export function traces(old: JsonObject, map: (value: JsonObject) => JsonObject): readonly Trace[] {
  const next = map(old);
  return differences(old, next).flatMap(({ pointer: from, old: value, next: replaced }): readonly Trace[] => {
    if (value === undefined || replaced !== undefined) return [];
    const without = map(removed(old, stepsOf(from)) as JsonObject);
    const made = differences(without, next).flatMap(({ pointer, next: gained }) =>
      gained === undefined ? [] : [{ pointer, value: gained }],
    );
    const to = made.flatMap((each) => placesOf(each, value))[0] ?? onlyLeaf(made);
    return [{ from, value, ...(to !== undefined && { to }) }];
  });
}

/** Returns a value without what is at a path. */
export function removed(value: Json, [step, ...rest]: readonly string[]): Json {
  if (step === undefined) return value;
  if (isList(value)) {
    const index = Number(step);
    return rest.length === 0
      ? value.filter((_, each) => each !== index)
      : value.map((item, each) => (each === index ? removed(item, rest) : item));
  }
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, item]): [string, Json][] => {
      if (key !== step) return [[key, item]];
      return rest.length === 0 ? [] : [[key, removed(item, rest)]];
    }),
  );
}

interface Place {
  readonly pointer: string;
  readonly value: Json;
}

/** Returns the places in and below `made` that have this value, from the top. */
function placesOf(made: Place, value: Json): readonly Place[] {
  if (equal(made.value, value)) return [made];
  return childrenOf(made).flatMap((child) => placesOf(child, value));
}

function onlyLeaf(made: readonly Place[]): Place | undefined {
  const leaves = made.flatMap(leavesOf);
  return leaves.length === 1 ? leaves[0] : made[0];
}

function leavesOf(place: Place): readonly Place[] {
  const children = childrenOf(place);
  return children.length === 0 ? [place] : children.flatMap(leavesOf);
}

function childrenOf({ pointer, value }: Place): readonly Place[] {
  if (isObject(value))
    return Object.entries(value).map(([key, item]) => ({ pointer: below(pointer, key), value: item }));
  if (isList(value)) return value.map((item, index) => ({ pointer: below(pointer, index), value: item }));
  return [];
}

function own(value: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(value, key) ? value[key] : undefined;
}
