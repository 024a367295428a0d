import { FairleadError, toFairleadError } from '#lib/errors';
import { quote } from '#lib/text/quote';
import type { Json, JsonObject } from '../api/shared/json.ts';
import { refuseFull, withAnnotation, withoutAnnotation } from './annotation.ts';
import { type Carried, type CarriedField, carriedAnnotation, readCarried } from './carried.ts';
import { at, isEqual, isObject, withValue } from './json.ts';
import { down, up } from './map.ts';
import { invalidRestored } from './restored-fields.ts';
import type { ConversionTable } from './table.ts';
import { type DifferingField, differingFields } from './table-paths.ts';
import { group, tables } from './tables.ts';

/**
 * Converts an object to another version of its kind. Nothing is lost: what the other version cannot
 * hold travels in the annotation {@link carriedAnnotation}, and is restored by the conversion back,
 * except where the object was edited so that it no longer fits. Of metadata, only this annotation
 * changes.
 *
 * Whatever the annotation contains, the result is what the object means: a restored field changes
 * nothing that the version from which the object comes can hold, and is valid in v1.
 *
 * Throws InvalidInput, with the name of the object, for an unknown kind or version, for an object
 * without metadata, and on the way to v1 for an annotation that is invalid or whose fields are not
 * valid; LimitExceeded, on this way, if an annotation is too small for what must not be lost. The
 * way from v1 never fails for what an object contains: a read of all objects would fail with it.
 */
export function convert(object: JsonObject, apiVersion: string): JsonObject {
  const { table, from, to } = conversionOf(object, apiVersion);
  if (from === to) return object;
  try {
    return convertFields({ ...object, apiVersion }, table, from, to);
  } catch (thrown) {
    // The stack is too small for values that are nested very deeply.
    const error = thrown instanceof RangeError ? new FairleadError('LimitExceeded', 'it is nested too deeply') : thrown;
    const { kind, message, hint } = toFairleadError(error);
    throw new FairleadError(kind, `${describe(object)}: ${message}`, {
      ...(hint !== undefined && { hint }),
      cause: thrown,
    });
  }
}

function convertFields(object: JsonObject, table: ConversionTable, from: string, to: string): JsonObject {
  const isUp = to === 'v1';
  const [forth, back] = isUp ? [up, down] : [down, up];
  const { bare, annotation } = withoutAnnotation(object);
  if (isUp && annotation === undefined && differingFields(table).some(({ isNew }) => isNew)) refuseFull(bare);
  const mapped = forth(table, bare);
  const carried = annotation === undefined ? undefined : readAnnotation(annotation, isUp);
  const converted = carried?.version === to ? restore(mapped, carried, table, isUp) : mapped;
  const fields = differences(bare, back(table, converted), table);
  if (fields.size === 0) return converted;
  return withAnnotation(converted, { version: from, fields }, isUp);
}

/** Returns what an object has that is lost by mapping it to the other version and back. */
function differences(object: JsonObject, mapped: JsonObject, table: ConversionTable): Map<string, CarriedField> {
  const fields = new Map<string, CarriedField>();
  let rest: JsonObject = mapped;
  for (const { name, path } of differingFields(table)) {
    if (isEqual(object, rest)) break;
    const [value, found] = [at(object, path), at(rest, path)];
    if (isEqual(value, found)) continue;
    const restored = withValue(rest, path, value);
    // Something that is not an object is in the way: an object that the field is in differs.
    if (restored === undefined) continue;
    fields.set(name, { value, mapped: found });
    rest = restored;
  }
  return fields;
}

/**
 * Restores in a mapped object what an annotation carries for its version. Any client may have
 * written the annotation, and the object may have been edited since: what is restored must not
 * change what the object is in the version that it comes from.
 */
function restore(mapped: JsonObject, { fields }: Carried, table: ConversionTable, isUp: boolean): JsonObject {
  // Of v1, only what the old version does not have can be missing.
  const restorable = differingFields(table).filter(({ name, isNew }) => isNew === isUp && fields.has(name));
  if (restorable.length === 0) return mapped;
  const back = isUp ? down : up;
  const meaning = back(table, mapped);
  const isFaithful = (object: JsonObject): boolean => isEqual(back(table, object), meaning);
  const step = (object: JsonObject, { name, path }: DifferingField): JsonObject => {
    const carried = fields.get(name);
    if (carried === undefined || !isEqual(at(object, path), carried.mapped)) return object;
    return withValue(object, path, carried.value) ?? object;
  };
  let restored = restorable.reduce(step, mapped);
  if (!isFaithful(restored)) {
    restored = restorable.reduce((object, field) => {
      const next = step(object, field);
      return isFaithful(next) ? next : object;
    }, mapped);
  }
  if (isUp && restored !== mapped) refuseInvalid(mapped, restored, table.kind);
  return restored;
}

function refuseInvalid(mapped: JsonObject, restored: JsonObject, kind: string): void {
  const problem = invalidRestored(kind, mapped, restored);
  if (problem === undefined) return;
  throw new FairleadError(
    'InvalidInput',
    `metadata.annotations[${carriedAnnotation}] makes the object invalid: ${problem}`,
    {
      hint: 'Edit the object in v1, or remove the annotation and with it what the older version does not have.',
    },
  );
}

/** Reads the annotation. On the way from v1, an invalid one is nothing. */
function readAnnotation(annotation: Json, isUp: boolean): Carried | undefined {
  try {
    return readCarried(annotation);
  } catch (error) {
    if (isUp) throw error;
    return undefined;
  }
}

function conversionOf(object: JsonObject, apiVersion: string): { table: ConversionTable; from: string; to: string } {
  const { kind, apiVersion: written, metadata } = object;
  const table = typeof kind === 'string' ? tables.get(kind) : undefined;
  if (table === undefined) {
    throw new FairleadError(
      'InvalidInput',
      `${describe(object)}: want one of the kinds ${[...tables.keys()].join(', ')}`,
    );
  }
  const version = (text: Json | undefined): string => {
    for (const known of ['v1', table.old]) if (text === `${group}/${known}`) return known;
    const found = typeof text === 'string' ? quote(text) : 'no apiVersion';
    throw new FairleadError(
      'InvalidInput',
      `${describe(object)}: cannot convert from or to ${found}: want ${group}/v1 or ${group}/${table.old}`,
      { hint: 'Apply the CRDs of this version of Fairlead (`fairlead operator manifests`).' },
    );
  };
  const known = { table, from: version(written), to: version(apiVersion) };
  if (!isObject(metadata)) throw new FairleadError('InvalidInput', `${describe(object)}: metadata is not an object`);
  return known;
}

/** Returns the kind and name of an object, for messages. */
function describe({ kind, metadata }: JsonObject): string {
  const text = (value: Json | undefined): string | undefined => (typeof value === 'string' ? value : undefined);
  const [name, namespace] = [text(at(metadata, ['name'])), text(at(metadata, ['namespace']))];
  const full = namespace === undefined ? (name ?? 'without a name') : `${namespace}/${name ?? ''}`;
  return `${text(kind)?.slice(0, 100) ?? 'object'} ${full.slice(0, 320)}`;
}
