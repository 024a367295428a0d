import * as v from 'valibot';

/** Returns a schema with what its values mean, for the reference. */
export function meaning<Schema extends v.GenericSchema>(schema: Schema, text: string) {
  return v.pipe(schema, v.description(text));
}

/** Returns the schema of a text with this meaning. */
export function text(what: string) {
  return meaning(v.string(), what);
}

/** Returns the schema of a number with this meaning. */
export function number(what: string) {
  return meaning(v.number(), what);
}

/** Returns the schema of a statement that is true or false. */
export function flag(what: string) {
  return meaning(v.boolean(), what);
}

/** Returns the schema of a list with this meaning. */
export function list<Item extends v.GenericSchema>(item: Item, what: string) {
  return meaning(v.array(item), what);
}

/** Returns the schema of a list of texts with this meaning. */
export function texts(what: string) {
  return list(v.string(), what);
}
