import type { Json, JsonObject } from '../api/shared/json.ts';
import { at, isEqual, withValue } from './json.ts';
import type { ConversionTable, MovedField, RenamedValues, Rule } from './table.ts';

/**
 * Maps the fields of an object of the old version to v1. The result shares with the object what is
 * the same; apiVersion and metadata are left alone. A value that no rule knows stays what it is.
 */
export function up(table: ConversionTable, object: JsonObject): JsonObject {
  return table.rules.reduce((mapped, rule) => upByRule(rule, mapped), object);
}

/** Maps the fields of an object of v1 to the old version, as {@link up}. */
export function down(table: ConversionTable, object: JsonObject): JsonObject {
  return table.rules.reduceRight((mapped, rule) => downByRule(rule, mapped), object);
}

/** Applies one rule of {@link up}. Returns the object itself if the rule changes nothing. */
export function upByRule(rule: Rule, object: JsonObject): JsonObject {
  switch (rule.rule) {
    case 'renamed':
      return rename(object, rule, [...rule.values, ...(rule.aliases ?? [])]);
    case 'moved':
      return move(object, rule);
    case 'new':
      return object;
  }
}

function downByRule(rule: Rule, object: JsonObject): JsonObject {
  switch (rule.rule) {
    case 'renamed':
      return rename(
        object,
        rule,
        rule.values.map(([old, v1]) => [v1, old]),
      );
    case 'moved':
      return object;
    case 'new':
      return withValue(object, keys(rule.field), undefined) ?? object;
  }
}

function rename(
  object: JsonObject,
  { field }: RenamedValues,
  values: readonly (readonly [from: Json, to: Json])[],
): JsonObject {
  const path = keys(field);
  const value = at(object, path);
  const renamed = values.find(([from]) => from === value);
  return renamed === undefined ? object : (withValue(object, path, renamed[1]) ?? object);
}

function move(object: JsonObject, { from, to, values, type, defaults = [] }: MovedField): JsonObject {
  const before = at(object, keys(from));
  if (before === undefined || (type !== undefined && typeof before !== type)) return object;
  const value = values === undefined ? before : values.find(([old]) => old === before)?.[1];
  if (value === undefined) return object;
  const rest = withValue(object, keys(from), undefined);
  if (rest === undefined) return object;
  const today = at(rest, keys(to));
  const counts = today !== undefined && !defaults.some((filledIn) => isEqual(filledIn, today));
  return counts ? rest : (withValue(rest, keys(to), value) ?? object);
}

function keys(field: string): string[] {
  return field.split('.');
}
