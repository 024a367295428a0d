import { FairleadError } from '#lib/errors';
import { quote } from '#lib/text/quote';
import type { Json, JsonObject } from '../api/shared/json.ts';
import { parseJson, writeJson } from './exact-numbers.ts';
import { isObject } from './json.ts';

/** The annotation that carries what a version cannot hold. */
export const carriedAnnotation = 'fairlead.dev/converted-from';

/** A value of a field that mapping does not give. Undefined stands for no field. */
export interface CarriedField {
  /** What the field was in the object that was converted. */
  readonly value: Json | undefined;
  /** What mapping back gives. The value is restored only where it still gives that. */
  readonly mapped: Json | undefined;
}

/** What an object that was converted from a version had, and what its new version cannot hold. */
export interface Carried {
  readonly version: string;
  /** By the field, with dots between keys. */
  readonly fields: ReadonlyMap<string, CarriedField>;
}

/**
 * Writes the value of an annotation that carries nothing but the names of the fields, which are too
 * large. It keeps them from being lost: an object with it cannot be converted back.
 */
export function writeOmitted({ version, fields }: Carried): string {
  return writeJson({ version, omitted: [...fields.keys()] });
}

/** Writes the value of the annotation. */
export function writeCarried({ version, fields }: Carried): string {
  const written = [...fields].map(([field, { value, mapped }]): [string, JsonObject] => [
    field,
    { ...(value !== undefined && { value }), ...(mapped !== undefined && { mapped }) },
  ]);
  return writeJson({ version, fields: Object.fromEntries(written) });
}

/**
 * Reads the value of the annotation. Throws InvalidInput if it is not one that
 * {@link writeCarried} could have written, or one of {@link writeOmitted}. What it states about the
 * object is not verified.
 */
export function readCarried(annotation: Json): Carried {
  const carried = typeof annotation === 'string' ? parsed(annotation) : undefined;
  if (!isObject(carried)) throw invalid('it is not a JSON object');
  const { version, fields, omitted } = carried;
  if (omitted !== undefined) {
    throw new FairleadError(
      'InvalidInput',
      `it has fields that only ${quote(text(version))} has: ${quote(text(omitted))}`,
      {
        hint: 'They are too large for an annotation. Edit the object in that version.',
      },
    );
  }
  if (typeof version !== 'string') throw invalid('it has no version');
  if (!isObject(fields)) throw invalid('it has no fields');
  const read = Object.keys(fields).map((name): [string, CarriedField] => {
    const field = fields[name];
    if (!isObject(field)) throw invalid('a field is not an object');
    return [name, { value: own(field, 'value'), mapped: own(field, 'mapped') }];
  });
  return { version, fields: new Map(read) };
}

function text(value: Json | undefined): string {
  return Array.isArray(value) ? value.map(text).join(', ') : String(value);
}

function parsed(text: string): Json | undefined {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

function own(object: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function invalid(reason: string): FairleadError {
  return new FairleadError('InvalidInput', `metadata.annotations[${carriedAnnotation}]: ${reason}`, {
    hint: 'Remove the annotation, or restore it: it carries fields that this version does not have.',
  });
}
