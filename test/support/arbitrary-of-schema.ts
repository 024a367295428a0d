import fc from 'fast-check';
import * as v from 'valibot';

/** The parts of valibot's schemas and actions that values are derived from. */
interface Part {
  readonly kind: string;
  readonly type: string;
  readonly pipe?: readonly Part[];
  readonly entries?: Readonly<Record<string, Part>>;
  readonly item?: Part;
  readonly wrapped?: Part;
  readonly options?: readonly string[];
  readonly requirement?: unknown;
  readonly metadata?: { readonly kubernetes?: { readonly values?: Part; readonly type?: object } };
}

/** Words that are valid as almost any text: names, keys and values of labels, failure policies. */
const words = ['Fail', 'a', 'b1', 'app', 'nginx', 'x-y', 'constructor'];

/**
 * Returns the arbitrary of valid values of a schema of `operator/api`, as JSON. Optional fields are
 * there or not; lists are often empty.
 */
export function arbitraryOf(schema: v.GenericSchema): fc.Arbitrary<unknown> {
  const part = schema as unknown as Part;
  const actions = actionsOf(part);
  const all = raw(part, actions);
  return actions.some(({ kind }) => kind === 'validation') || part.type === 'custom'
    ? all.filter((value) => v.is(schema, value))
    : all;
}

/** Returns the actions of a schema, and those of the schema that it extends. */
function actionsOf({ pipe: [first, ...actions] = [] }: Part): readonly Part[] {
  return first === undefined ? [] : [...actionsOf(first), ...actions];
}

function raw(part: Part, actions: readonly Part[]): fc.Arbitrary<unknown> {
  switch (part.type) {
    case 'object':
      return record(part.entries ?? {});
    case 'array': {
      const least = actions.find(({ type }) => type === 'min_length')?.requirement;
      const minLength = typeof least === 'number' ? least : 0;
      return fc.array(ofPart(part.item), { minLength, maxLength: minLength + 2 });
    }
    case 'picklist':
      return fc.constantFrom(...(part.options ?? []));
    case 'boolean':
      return fc.boolean();
    case 'number':
      return fc.oneof(fc.nat(100), fc.nat(2 ** 31 - 1));
    case 'string': {
      const pattern = actions.find(({ type }) => type === 'regex')?.requirement;
      if (pattern instanceof RegExp) return fc.stringMatching(pattern, { size: 'xsmall' });
      return fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...words) }, fc.string({ maxLength: 5 }));
    }
    case 'custom':
      return custom(actions);
    default:
      throw new Error(`no values for a schema of type ${part.type}`);
  }
}

function record(entries: Readonly<Record<string, Part>>): fc.Arbitrary<unknown> {
  const names = Object.keys(entries);
  const fields = names.map((name) => [name, ofPart(entries[name]?.wrapped ?? entries[name])] as const);
  const requiredKeys = names.filter((name) => entries[name]?.type !== 'optional');
  return fc.record(Object.fromEntries(fields), { requiredKeys, noNullPrototype: true });
}

function custom(actions: readonly Part[]): fc.Arbitrary<unknown> {
  for (const { metadata } of actions.toReversed()) {
    const { values, type } = metadata?.kubernetes ?? {};
    if (values !== undefined) {
      return fc.dictionary(fc.constantFrom(...words), ofPart(values), { maxKeys: 2, noNullPrototype: true });
    }
    if (type !== undefined) return fc.oneof(fc.nat(), fc.constantFrom('128Mi', '250m'));
  }
  throw new Error('a custom schema without hints');
}

function ofPart(part: Part | undefined): fc.Arbitrary<unknown> {
  if (part === undefined) throw new Error('a schema without its part');
  return arbitraryOf(part as unknown as v.GenericSchema);
}
