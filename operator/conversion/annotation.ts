import { FairleadError } from '#lib/errors';
import type { Json, JsonObject } from '../api/shared/json.ts';
import { type Carried, carriedAnnotation, writeCarried, writeOmitted } from './carried.ts';
import { at, isObject, withValue } from './json.ts';

/** The most bytes of all annotations of an object. API servers refuse a conversion to more. */
const maxAnnotationBytes = 256 * 1024;

/** More than an annotation takes that names the fields and carries none. */
const nameBytes = 1024;

const annotations = ['metadata', 'annotations'];

/** Takes the annotation off an object. */
export function withoutAnnotation(object: JsonObject): { bare: JsonObject; annotation: Json | undefined } {
  const path = [...annotations, carriedAnnotation];
  const annotation = at(object, path);
  if (annotation === undefined) return { bare: object, annotation };
  const bare = withValue(object, path, undefined) ?? object;
  const others = at(bare, annotations);
  const isEmpty = isObject(others) && Object.keys(others).length === 0;
  return { bare: (isEmpty ? withValue(bare, annotations, undefined) : bare) ?? bare, annotation };
}

/**
 * Puts the annotation on an object. An object of v1 that would have too much is refused
 * (LimitExceeded). One of the old version gets the names of the fields only, or nothing if not even
 * these fit, because a failure would fail reads of all other objects as well. It cannot be written
 * back (see {@link refuseFull}).
 */
export function withAnnotation(object: JsonObject, carried: Carried, isUp: boolean): JsonObject {
  const whole = annotated(object, writeCarried(carried));
  const bytes = annotationBytes(whole);
  if (bytes <= maxAnnotationBytes) return whole;
  if (isUp) {
    throw new FairleadError(
      'LimitExceeded',
      `v1 does not have all of its fields, and its annotations would have ${bytes} bytes with them: ` +
        `want at most ${maxAnnotationBytes}`,
      { hint: 'Write the object in v1 (`fairlead migrate`), or remove large annotations.' },
    );
  }
  const names = annotated(object, writeOmitted(carried));
  return annotationBytes(names) <= maxAnnotationBytes ? names : object;
}

/**
 * Throws LimitExceeded for an object of the old version without the annotation, if its other
 * annotations left no room for one: whether v1 has more of it is not known.
 */
export function refuseFull(object: JsonObject): void {
  const bytes = annotationBytes(object);
  const most = maxAnnotationBytes - nameBytes;
  if (bytes <= most) return;
  throw new FairleadError(
    'LimitExceeded',
    `its annotations have ${bytes} bytes, and leave no room for the fields that only v1 has: want at most ${most}`,
    { hint: 'Write the object in v1, or remove large annotations.' },
  );
}

function annotated(object: JsonObject, annotation: string): JsonObject {
  const result = withValue(object, [...annotations, carriedAnnotation], annotation);
  if (result === undefined) throw new FairleadError('InvalidInput', 'metadata.annotations is not an object');
  return result;
}

function annotationBytes(object: JsonObject): number {
  const all = at(object, annotations);
  if (!isObject(all)) return 0;
  return Object.entries(all).reduce(
    (bytes, [key, value]) =>
      bytes + Buffer.byteLength(key) + (typeof value === 'string' ? Buffer.byteLength(value) : 0),
    0,
  );
}
