import { FairleadError } from '#lib/errors';
import type { JsonNode } from '#lib/profile/json/node';
import { type JsonDocument, positionOf } from '#lib/profile/json/read-json';

/** A JSON value. Whole numbers that a double cannot hold are bigints, so that no digit is lost. */
export type Json = null | boolean | number | bigint | string | readonly Json[] | JsonObject;
/** A JSON object. */
export interface JsonObject {
  readonly [key: string]: Json;
}

/**
 * Returns the value of a document. Throws ProfileInvalid for a number that no JSON reader holds.
 */
export function jsonOf(document: JsonDocument, node: JsonNode = document.root): Json {
  switch (node.type) {
    case 'object':
      return Object.fromEntries(Array.from(node.members, ([key, { value }]) => [key, jsonOf(document, value)]));
    case 'array':
      return Array.from(node.items, (item) => jsonOf(document, item));
    case 'number':
      return numberOf(document, node.source, node.at);
    case 'null':
      return null;
    default:
      return node.value;
  }
}

function numberOf(document: JsonDocument, source: string, at: number): number | bigint {
  const number = Number(source);
  if (Number.isSafeInteger(number) || (Number.isFinite(number) && /[.eE]/.test(source))) return number;
  if (/^-?[0-9]+$/.test(source)) return BigInt(source);
  throw new FairleadError(
    'ProfileInvalid',
    `${positionOf(document, at)}: ${source.slice(0, 64)} is not a number in JSON`,
  );
}

/** Reports whether a value is an object. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reports whether a value is a list. */
export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** Returns the value at a path of member names and indices, or undefined if it does not exist. */
export function at(value: Json | undefined, ...path: readonly (string | number)[]): Json | undefined {
  let found = value;
  for (const step of path) {
    if (isObject(found)) found = Object.hasOwn(found, step) ? found[step] : undefined;
    else if (isList(found)) found = found[Number(step)];
    else return undefined;
  }
  return found;
}

/** Returns the text at a path, or undefined if the value is not text. */
export function textAt(value: Json | undefined, ...path: readonly (string | number)[]): string | undefined {
  const found = at(value, ...path);
  return typeof found === 'string' ? found : undefined;
}

/** Reports whether two values are equal. The order of members does not count. */
export function equal(one: Json | undefined, other: Json | undefined): boolean {
  if (one === other) return true;
  if (isList(one)) {
    return isList(other) && one.length === other.length && one.every((item, index) => equal(item, other[index]));
  }
  if (!isObject(one) || !isObject(other)) return false;
  const keys = Object.keys(one);
  return (
    keys.length === Object.keys(other).length &&
    keys.every((key) => Object.hasOwn(other, key) && equal(one[key], other[key]))
  );
}

/**
 * Returns a value as JSON, with all digits of its numbers; over several lines if `indent` is set.
 */
export function toJson(value: Json, indent = '', around = ''): string {
  if (typeof value === 'bigint') return `${value}`;
  if (!isList(value) && !isObject(value)) return JSON.stringify(value);
  const [open, close] = isList(value) ? '[]' : '{}';
  const inner = around + indent;
  const items = isList(value)
    ? value.map((item) => toJson(item, indent, inner))
    : Object.entries(value).map(
        ([key, item]) => `${JSON.stringify(key)}:${indent === '' ? '' : ' '}${toJson(item, indent, inner)}`,
      );
  if (items.length === 0) return `${open}${close}`;
  if (indent === '') return `${open}${items.join(',')}${close}`;
  return `${open}\n${inner}${items.join(`,\n${inner}`)}\n${around}${close}`;
}

/** Returns a JSON pointer (RFC 6901) with one more step. */
export function below(pointer: string, step: string | number): string {
  return `${pointer}/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** Returns the steps of a JSON pointer. */
export function stepsOf(pointer: string): readonly string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}
