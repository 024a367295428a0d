/** An operation of JSON Patch (RFC 6902): one of the two that a binding needs. */
export type PatchOperation =
  | { readonly op: 'add'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string };

/** Writes an object's key as a segment of a JSON pointer (RFC 6901, section 3). */
export function pointerSegment(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}
