import * as v from 'valibot';

/**
 * Schema of a JSON object whose values are strings. Not valibot's record, because a record drops
 * the keys `constructor` and `prototype`, which are labels like any other.
 */
export const stringsByName = v.pipe(
  v.custom<Readonly<Record<string, string>>>(
    (input) => typeof input === 'object' && input !== null && !Array.isArray(input),
    'must be an object',
  ),
  v.check((object) => Object.values(object).every((value) => typeof value === 'string'), 'each value must be a string'),
);

/**
 * Schema of a JSON object whose values are strings (labels, annotations), read into a Map, in which
 * a key is looked up without the members that every object has. Not valibot's map, which takes ten
 * times as long for an object with very many members.
 */
export const stringMap = v.pipe(
  stringsByName,
  v.transform((object) => new Map(Object.entries(object))),
);
