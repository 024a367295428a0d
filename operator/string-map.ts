import * as v from 'valibot';

/**
 * Schema of a JSON object whose values are strings (labels, annotations), read into a Map. A Map, and not valibot's
 * record, because a record drops the keys `constructor` and `prototype`, which are labels like any other.
 */
export const stringMap = v.pipe(
  v.custom<Record<string, unknown>>(
    (input) => typeof input === 'object' && input !== null && !Array.isArray(input),
    'must be an object',
  ),
  v.transform((object) => new Map(Object.entries(object))),
  v.map(v.string(), v.string('must be a string')),
);
