import type { Json, JsonObject } from '../api/shared/json.ts';

/** Reports whether a value is an object of JSON. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Reports whether two values are equal. The order of keys does not count. Parts that both have in
 * common are not examined.
 */
export function isEqual(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => isEqual(item, b[index]));
  }
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && isEqual(a[key], b[key]));
}

/** Where a value is in an object: the keys that lead to it. */
export type Path = readonly string[];

/** Returns the value at a path, or undefined if the path does not exist. */
export function at(value: Json | undefined, path: Path): Json | undefined {
  let found = value;
  for (const key of path) {
    if (!isObject(found) || !Object.hasOwn(found, key)) return undefined;
    found = found[key];
  }
  return found;
}

/**
 * Returns the object with a value at a path, and with the objects that lead to it, or without one
 * if the value is undefined. Everything else is shared with the original. The result is undefined
 * if something that is not an object is in the way.
 */
export function withValue(object: JsonObject, path: Path, value: Json | undefined): JsonObject | undefined {
  const [key, ...rest] = path;
  if (key === undefined) return isObject(value) ? value : undefined;
  const child = Object.hasOwn(object, key) ? object[key] : undefined;
  let changed = value;
  if (rest.length > 0) {
    if (child === undefined && value === undefined) return object;
    if (child !== undefined && !isObject(child)) return undefined;
    changed = withValue(child ?? {}, rest, value);
    if (changed === undefined) return undefined;
  }
  if (changed === child) return object;
  if (changed === undefined) {
    const { [key]: _, ...others } = object;
    return others;
  }
  // A computed key makes an own property of `__proto__`, as an assignment would not.
  return { ...object, [key]: changed };
}
