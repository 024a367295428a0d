import type { Path } from './json.ts';
import type { ConversionTable, Rule } from './table.ts';

/** A field at which an object and what mapping it there and back gives may differ. */
export interface DifferingField {
  /** With dots between keys. */
  readonly name: string;
  readonly path: Path;
  /** Whether v1 has it, and the old version does not. */
  readonly isNew: boolean;
}

const known = new WeakMap<ConversionTable, readonly DifferingField[]>();

/**
 * Returns the only fields in which an object and what it becomes by mapping it to the other version
 * and back may differ: those of the rules, and the objects that these are in. A field comes before
 * the object that it is in.
 */
export function differingFields(table: ConversionTable): readonly DifferingField[] {
  let fields = known.get(table);
  if (fields === undefined) {
    const names = [...new Set(table.rules.flatMap(fieldsOf).flatMap(withParents))];
    const added = new Set(table.rules.flatMap((rule) => (rule.rule === 'new' ? [rule.field] : [])));
    fields = names
      .map(
        (name): DifferingField => ({
          name,
          path: name.split('.'),
          isNew: added.has(name),
        }),
      )
      .sort((a, b) => b.path.length - a.path.length);
    known.set(table, fields);
  }
  return fields;
}

function fieldsOf(rule: Rule): readonly string[] {
  return rule.rule === 'moved' ? [rule.from, rule.to] : [rule.field];
}

function withParents(field: string): string[] {
  const keys = field.split('.');
  return keys.map((_, index) => keys.slice(0, index + 1).join('.'));
}
