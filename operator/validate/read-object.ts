import type * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import { documentOf } from '#lib/profile/json/document-of';
import { type ResourceReading, readResource } from '#lib/profile/parse-resource';
import { profileLimits } from '#lib/profile/read-profile';
import { sentence } from '#lib/text/sentence';
import { fieldOf } from './field.ts';
import { isObject, structureOf } from './structure.ts';
import type { Violation } from './verdict.ts';

/** An object of a kind of profile as read, or why it cannot be. */
export type ProfileReading = ResourceReading | { readonly violations: readonly Violation[] };

/** How messages of the readers call the object; it is taken off again. */
const source = 'object';

/**
 * Reads an object of one of the four kinds of profiles, v1, by the functions that lint, push and
 * the nodes use: what is accepted here can be installed.
 */
export function readProfileObject(schema: v.GenericSchema, object: unknown): ProfileReading {
  const structure = structureOf(schema, object);
  if ('violations' in structure) return structure;
  try {
    return readResource(documentOf(withoutStatus(object), source, profileLimits));
  } catch (thrown) {
    return { violations: [violationFrom(thrown)] };
  }
}

/** Returns the parts of an object that are its author's, and say what it is. */
function withoutStatus(object: unknown): unknown {
  if (!isObject(object)) return object;
  const { apiVersion, kind, metadata, spec } = object;
  const name = isObject(metadata) ? metadata['name'] : undefined;
  return { apiVersion, kind, metadata: { name }, spec };
}

/**
 * Returns the violation for an error of a reader: `object:1:1: spec.mode: must be …`. Within a raw
 * policy, the line and column are those of the policy. Throws errors of another kind.
 */
export function violationFrom(thrown: unknown, field = ''): Violation {
  if (!(thrown instanceof FairleadError)) throw thrown;
  if (!['ProfileInvalid', 'InvalidInput', 'LimitExceeded'].includes(thrown.kind)) throw thrown;
  const { hint = 'Correct this field.', pointer } = thrown;
  const text = thrown.summary.replace(/^object:\d+:\d+: /, '').replace(/^object: /, '');
  const [, inPolicy, line, column, fault] = /^(spec\.policy):(\d+):(\d+): (.*)$/s.exec(text) ?? [];
  if (inPolicy !== undefined) {
    return { field: inPolicy, problem: `line ${line}, column ${column}: ${fault}`, fix: sentence(hint) };
  }
  const [, named, problem] = /^((?:apiVersion|kind|metadata|spec)[^\s:]*): (.*)$/s.exec(text) ?? [];
  if (named !== undefined && problem !== undefined) return { field: named, problem, fix: sentence(hint) };
  return { field: pointer === undefined ? field : fieldOf(pointer), problem: text, fix: sentence(hint) };
}
