import type { JsonObject } from '../api/shared/json.ts';

/**
 * Returns what an installed CustomResourceDefinition lacks of the one that this program is made
 * for, such as `version v1` or `spec.images`. What an API server does not know, it drops without a
 * word: a binding with a selector that is unknown selects more. What the installed one has besides
 * is of a newer version, and no problem.
 */
export function lackingIn(installed: unknown, wanted: JsonObject): string[] {
  const found = versionsOf(installed);
  return versionsOf(wanted).flatMap((version) => {
    const name = String(version['name']);
    const same = found.find((each) => each['name'] === name);
    if (same?.['served'] !== true) return [`version ${name}`];
    const status = isObject(memberOf(same['subresources'], 'status')) ? [] : [`the subresource status of ${name}`];
    return [...status, ...lackingFields(schemaOf(same), schemaOf(version), '').map((field) => `${field} of ${name}`)];
  });
}

function versionsOf(definition: unknown): JsonObject[] {
  const versions = memberOf(memberOf(definition, 'spec'), 'versions');
  return Array.isArray(versions) ? versions.filter(isObject) : [];
}

function schemaOf(version: JsonObject): unknown {
  return memberOf(version['schema'], 'openAPIV3Schema');
}

function lackingFields(installed: unknown, wanted: unknown, path: string): string[] {
  if (!isObject(wanted)) return [];
  if (!isObject(installed)) return [path === '' ? 'the schema' : path];
  if (installed['x-kubernetes-preserve-unknown-fields'] === true) return [];
  const anyField = memberOf(installed, 'additionalProperties');
  const fields = Object.entries(objectOf(wanted['properties'])).flatMap(([name, field]) => {
    const found = memberOf(installed['properties'], name);
    if (found === undefined && anyField !== undefined) return [];
    return lackingFields(found, field, path === '' ? name : `${path}.${name}`);
  });
  return [
    ...fields,
    ...lackingValues(installed['enum'], wanted['enum'], path),
    ...lackingFields(installed['items'], wanted['items'], `${path}[]`),
    ...lackingFields(anyField, wanted['additionalProperties'], `${path}.*`),
  ];
}

function lackingValues(installed: unknown, wanted: unknown, path: string): string[] {
  if (!Array.isArray(installed) || !Array.isArray(wanted)) return [];
  return wanted
    .filter((value) => !installed.includes(value))
    .map((value) => `the value ${JSON.stringify(value)} of ${path}`);
}

function memberOf(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function objectOf(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
