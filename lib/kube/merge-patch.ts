type Json = Readonly<Record<string, unknown>>;

/**
 * Returns the JSON merge patch (RFC 7396) that makes `after` of `before`; undefined if they are the
 * same. Both are compared as the API server stores them: without fields that are undefined or null,
 * and with U+FFFD instead of half characters. What is not the same after that would be written
 * again and again.
 */
export function mergePatchOf(before: Json, after: Json): Json | undefined {
  return difference(asStored(before) as Json, asStored(after) as Json);
}

function difference(before: Json, after: Json): Json | undefined {
  const patch: Record<string, unknown> = {};
  for (const name of Object.keys(before)) if (!Object.hasOwn(after, name)) patch[name] = null;
  for (const [name, value] of Object.entries(after)) {
    const held = Object.hasOwn(before, name) ? before[name] : undefined;
    if (isObject(value) && isObject(held)) {
      const inner = difference(held, value);
      if (inner !== undefined) patch[name] = inner;
    } else if (!isSame(held, value)) patch[name] = value;
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

function isSame(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((each, i) => isSame(each, b[i]));
  if (isObject(a) && isObject(b)) {
    const names = Object.keys(a);
    return (
      names.length === Object.keys(b).length &&
      names.every((name) => Object.hasOwn(b, name) && isSame(a[name], b[name]))
    );
  }
  return a === b;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function asStored(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), function (this: unknown, _name, each) {
    if (typeof each === 'string') return each.toWellFormed();
    // In an array, it would leave a hole.
    return each === null && !Array.isArray(this) ? undefined : each;
  });
}
