import * as v from 'valibot';
import { resources } from '../api/resources.ts';
import type { ObjectDecision } from './findings.ts';
import { at, below, isList, isObject, type Json, type JsonObject, textAt } from './value.ts';

/** More fields of one object than this are not listed. */
const most = 10;

const topLevel = ['apiVersion', 'kind', 'metadata', 'spec', 'status'];

/** Fields about which there is a decision of their own. */
const decided = new Set(['AppArmorProfile /spec/policy']);

/**
 * Returns the decisions on fields that v1 does not have: `kubectl apply` refuses them, and other
 * clients lose them without a word.
 */
export function unknownFields(next: JsonObject): readonly ObjectDecision[] {
  const kind = textAt(next, 'kind') ?? '';
  const schema = resources.find((each) => each.kind === kind)?.stored.schema;
  if (schema === undefined) return [];
  const spec = at(next, 'spec') ?? {};
  const parsed = v.safeParse(schema, { spec });
  const fields = [
    ...Object.keys(next).flatMap((key) => (topLevel.includes(key) ? [] : [below('', key)])),
    ...(parsed.success ? lost(spec, (parsed.output as { readonly spec?: unknown }).spec, '/spec') : []),
  ];
  const unknown = fields.filter((pointer) => !decided.has(`${kind} ${pointer}`));
  return unknown.slice(0, most).map((pointer) => ({
    code: 'unknown-field',
    pointer,
    message: `v1 of ${kind} has no field ${pointer.slice(1).replaceAll('/', '.')}: kubectl apply refuses it, or the API server drops it`,
    choices: ['Correct its name.', 'Remove it.'],
  }));
}

/** Returns the fields of a value that its schema did not keep. */
function lost(value: Json, kept: unknown, pointer: string): readonly string[] {
  if (isList(value) && Array.isArray(kept)) {
    return value.flatMap((item, index) => lost(item, kept[index], below(pointer, index)));
  }
  if (!isObject(value) || typeof kept !== 'object' || kept === null) return [];
  return Object.entries(value).flatMap(([key, member]) => {
    const own = below(pointer, key);
    return Object.hasOwn(kept, key) ? lost(member, (kept as Record<string, unknown>)[key], own) : [own];
  });
}
