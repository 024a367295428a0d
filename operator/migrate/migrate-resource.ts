import { FairleadError } from '#lib/errors';
import { carriedAnnotation } from '../conversion/carried.ts';
import { convert } from '../conversion/convert.ts';
import { up } from '../conversion/map.ts';
import type { ConversionTable } from '../conversion/table.ts';
import { group, tables } from '../conversion/tables.ts';
import type { ValidationSettings } from '../validate/settings.ts';
import { validators } from '../validate/validators.ts';
import { type Cleaned, clean, type Scope, withoutAnnotation } from './clean.ts';
import type { MigratedObject, ObjectChange, ObjectDecision } from './findings.ts';
import type { Inventory } from './inventory.ts';
import { type Difference, differences, removed, type Trace, traces } from './moves.ts';
import { decisionsOf, noticesOf } from './resource-decisions.ts';
import { at, below, equal, isList, isObject, type Json, type JsonObject, stepsOf, textAt } from './value.ts';

/** The version in which Fairlead stores all kinds. */
const current = 'v1';

const namespaced = new Set(['ProfileBinding', 'ProfileRecording', 'SecurityProfilesOperatorDaemon']);

/** Returns whether an object is of SPO's group. */
export function isResource(object: Json): object is JsonObject {
  return textAt(object, 'apiVersion')?.startsWith(`${group}/`) === true;
}

/** Returns the kind of an object, in the letters of today. */
export function kindOf(object: JsonObject): string {
  const kind = textAt(object, 'kind') ?? '';
  return kind === 'ApparmorProfile' ? 'AppArmorProfile' : kind;
}

/** Returns what the group's kinds allow in a manifest. */
export function scopeOf(kind: string): Scope {
  return { isClusterScoped: !namespaced.has(kind), hasOwnStatus: kind === 'SecurityProfileNodeStatus' };
}

/**
 * Returns an object as the conversion webhook converts it to v1, without the annotation for the way
 * back. Fields of manifests before 1.0 are found in an object that claims to be v1, too.
 */
function mapped(table: ConversionTable, object: JsonObject): JsonObject {
  const apiVersion = `${group}/${current}`;
  // The conversion only moves values and compares them with words, so that bigints pass.
  const named = { ...object, kind: table.kind } as Parameters<typeof up>[1];
  const isCarrying = at(object, 'metadata', 'annotations', carriedAnnotation) !== undefined;
  const converted = isCarrying && versionOf(object) !== current ? convert(named, apiVersion) : up(table, named);
  return withoutAnnotation({ ...(converted as JsonObject), apiVersion }, carriedAnnotation);
}

/** Returns an object of SPO in v1, without what a manifest must not have; undefined if unknown. */
export function inCurrentVersion(object: JsonObject): JsonObject | undefined {
  const table = tables.get(kindOf(object));
  if (table === undefined || ![current, table.old].includes(versionOf(object))) return undefined;
  const { object: cleaned } = clean(object, scopeOf(table.kind));
  return unconvertible(table, cleaned) === undefined ? mapped(table, cleaned) : undefined;
}

/** Migrates an object of SPO's group to v1. */
export function migrateResource(object: JsonObject, inventory: Inventory, context: ResourceContext): MigratedObject {
  const table = tables.get(kindOf(object));
  if (table === undefined || ![current, table.old].includes(versionOf(object))) return unknown(object, table);
  const cleaned = clean(object, scopeOf(table.kind));
  const problem = unconvertible(table, cleaned.object);
  if (problem !== undefined) return { object, moves: [], changes: [], decisions: [problem], notices: [] };
  // With a field left out, what the annotation carries may be invalid.
  const traced = traces(cleaned.object, (value) =>
    mapped(table, unconvertible(table, value) ? withoutAnnotation(value, carriedAnnotation) : value),
  );
  const next = mapped(table, cleaned.object);
  const contradictions = traced.flatMap((trace) => contradiction(trace, cleaned.object, table));
  const own = [...contradictions, ...decisionsOf(object, next, inventory)];
  const decisions = [...own, ...refusals(next, context.settings).filter((refusal) => !isCovered(refusal, own))];
  const notices = noticesOf(next, inventory, {
    ...context,
    namespace: textAt(object, 'metadata', 'namespace'),
    hasFlatOptions: isList(at(object, 'spec', 'webhookOptions')),
  });
  if (decisions.length > 0) return { object, moves: [], changes: [], decisions, notices };
  if (equal(next, object)) return { object, moves: [], changes: [], decisions, notices };
  return {
    object: next,
    moves: traced.flatMap(({ from, to }) => (to === undefined ? [] : [{ from, to: to.pointer }])),
    changes: changesOf(object, cleaned, next, traced),
    decisions,
    notices,
  };
}

/** What the other files contain. */
export interface ResourceContext {
  /** Of the daemon's configuration in the files, if they have one, and the defaults otherwise. */
  readonly settings: ValidationSettings;
  /** True if a base profile comes from a registry. */
  readonly usesRegistry: boolean;
}

function versionOf(object: JsonObject): string {
  return (textAt(object, 'apiVersion') ?? '').slice(group.length + 1);
}

/** Returns the decision on an object whose annotation the conversion webhook refuses. */
function unconvertible(table: ConversionTable, object: JsonObject): ObjectDecision | undefined {
  try {
    mapped(table, object);
    return undefined;
  } catch (error) {
    if (!(error instanceof FairleadError)) throw error;
    const { message, hint = `Remove the annotation ${carriedAnnotation}.` } = error;
    return { code: 'refused', pointer: below('/metadata/annotations', carriedAnnotation), message, choices: [hint] };
  }
}

/** Returns why Fairlead would refuse an object of v1, by the function of its webhook. */
function refusals(next: JsonObject, settings: ValidationSettings): readonly ObjectDecision[] {
  const validate = validators.get(kindOf(next));
  const { violations = [] } = validate?.(next, settings) ?? {};
  return violations.map(({ field, problem, fix }) => ({
    code: 'refused',
    pointer: pointerOf(field),
    message: `Fairlead would refuse it: ${field === '' ? '' : `${field}: `}${problem}`,
    choices: [fix],
  }));
}

/**
 * Returns whether other decisions are on the same field. Policy text is in place of all other
 * fields.
 */
function isCovered({ pointer }: ObjectDecision, others: readonly ObjectDecision[]): boolean {
  return others.some((other) => other.pointer === pointer || other.code === 'policy-text');
}

/** Returns the pointer of a field as Kubernetes writes it: `spec.syscalls[3].action`. */
function pointerOf(field: string): string {
  return field
    .split(/[.[\]]+/)
    .filter((step) => step !== '')
    .reduce(below, '');
}

function unknown(object: JsonObject, table: ConversionTable | undefined): MigratedObject {
  const decision: ObjectDecision =
    table === undefined
      ? {
          code: 'unknown-version',
          pointer: '/kind',
          message: `the group has no kind ${textAt(object, 'kind') ?? ''}: its kinds are ${[...tables.keys()].join(', ')}`,
          choices: ['Remove the object, or write what it specifies as one of these kinds.'],
        }
      : {
          code: 'unknown-version',
          pointer: '/apiVersion',
          message: `${table.kind} ${versionOf(object)} is not a version that can be migrated: those are ${table.old} and ${current}`,
          choices: [
            `If its fields are those of ${table.old}, write ${group}/${table.old}, and run the command again.`,
            `Write it as ${group}/${current}, by the reference of ${table.kind}.`,
          ],
        };
  return { object, moves: [], changes: [], decisions: [decision], notices: [] };
}

/** Returns the decision on a field whose successor is there too, with another meaning. */
function contradiction(
  { from, to, value }: Trace,
  object: JsonObject,
  table: ConversionTable,
): readonly ObjectDecision[] {
  const alone = withOnly(object, from, value);
  const [meant] = traces(alone, (each) => mapped(table, each));
  const place = to ?? meant?.to;
  if (place === undefined) return [];
  const written = at(object, ...stepsOf(place.pointer));
  if (written === undefined || equal(written, meant?.to?.value ?? place.value)) return [];
  const [old, today] = [dotted(from), dotted(place.pointer)];
  return [
    {
      code: 'contradictory-fields',
      pointer: from,
      message: `${old} and ${today}, which took its place, contradict each other`,
      choices: [`Remove ${old} if ${today} is meant.`, `Remove ${today} if ${old} is meant.`],
    },
  ];
}

/** Returns an object of the same kind and version that has one field only. */
function withOnly(object: JsonObject, pointer: string, value: Json): JsonObject {
  const only = stepsOf(pointer).reduceRight<Json>((inner, step) => ({ [step]: inner }), value);
  const { apiVersion = null, kind = null } = object;
  return { apiVersion, kind, ...(isObject(only) ? only : {}) };
}

function dotted(pointer: string): string {
  return stepsOf(pointer).join('.');
}

/** Returns the differences of two objects, each with what it was and is. */
function changesOf(object: JsonObject, cleaned: Cleaned, next: JsonObject, traced: readonly Trace[]): ObjectChange[] {
  const removals = cleaned.removals.map(({ path, reason }): ObjectChange => {
    const pointer = path.reduce(below, '');
    const value = at(object, ...path) ?? null;
    const left = at(cleaned.object, ...path);
    return { from: { pointer, value }, ...(left !== undefined && { to: { pointer, value: left } }), reason };
  });
  const moved = traced.map(({ from, value, to }): ObjectChange => {
    const source = { pointer: from, value };
    if (to === undefined) return { from: source, reason: 'it is the default, or what another field states' };
    const isSame = equal(to.value, value);
    return { from: source, to, reason: isSame ? 'the field is elsewhere in v1' : 'another field states this in v1' };
  });
  const covered = new Set(traced.flatMap(({ from, to }) => (to === undefined ? [from] : [from, to.pointer])));
  const rest = traced.reduce<Json>(
    (value, { to }) => (to === undefined ? value : removed(value, stepsOf(to.pointer))),
    next,
  );
  const others = differences(cleaned.object, rest)
    .filter(({ pointer, next: value }) => !covered.has(pointer) && !isEmptyGroup(value))
    .map(plainChange);
  return [...others, ...moved, ...removals];
}

/** What is left of a group whose fields all came from elsewhere. */
function isEmptyGroup(value: Json | undefined): boolean {
  return isObject(value) && Object.keys(value).length === 0;
}

function plainChange({ pointer, old, next }: Difference): ObjectChange {
  return {
    ...(old !== undefined && { from: { pointer, value: old } }),
    ...(next !== undefined && { to: { pointer, value: next } }),
    reason: reasonFor(pointer),
  };
}

function reasonFor(pointer: string): string {
  if (pointer === '/apiVersion') return 'v1 is the stored version';
  return pointer.startsWith('/metadata/annotations')
    ? 'v1 has the fields that it carries'
    : 'v1 has another name for it';
}
