import { type JsonSchema, type OverrideActionContext, toJsonSchema } from '@valibot/to-json-schema';
import type { GenericSchema } from 'valibot';
import type { JsonObject } from '../api/shared/json.ts';
import type { KubernetesHints } from '../api/shared/kubernetes.ts';

/** The order in which the keys of a schema are written: what a reader looks for first. */
const order = [
  ...['description', 'type', 'format', 'enum', 'default', 'pattern', 'minLength', 'maxLength', 'minimum', 'maximum'],
  ...['minItems', 'maxItems', 'anyOf', 'required', 'properties', 'additionalProperties', 'items'],
  ...['x-kubernetes-int-or-string', 'x-kubernetes-list-type', 'x-kubernetes-list-map-keys', 'x-kubernetes-map-type'],
  'x-kubernetes-validations',
];

/**
 * Returns the structural OpenAPI schema of Kubernetes that accepts what a schema accepts. What is
 * checked in code only, and has no rule of CEL, is not in it: admission checks that.
 */
export function structuralSchema(schema: GenericSchema): JsonObject {
  const { $schema: _, ...converted } = toJsonSchema(schema, {
    typeMode: 'input',
    target: 'openapi-3.0',
    // The hints determine the type of what only code describes.
    overrideSchema: ({ valibotSchema, jsonSchema }) => (valibotSchema.type === 'custom' ? jsonSchema : undefined),
    overrideAction: withHints,
  });
  return ordered(converted as JsonObject);
}

function withHints({ valibotAction, jsonSchema, errors }: OverrideActionContext): JsonSchema | undefined {
  switch (valibotAction.type) {
    case 'check':
    case 'raw_check':
      return jsonSchema;
    case 'regex':
      return errors === undefined ? { ...jsonSchema, pattern: inGo(jsonSchema.pattern ?? '') } : undefined;
    case 'metadata': {
      const { kubernetes, ...schema } = jsonSchema as JsonSchema & { readonly kubernetes?: KubernetesHints };
      return kubernetes === undefined ? schema : ({ ...schema, ...keywords(kubernetes, schema) } as JsonSchema);
    }
    default:
      return undefined;
  }
}

/** Returns what hints are in a schema that has the keywords `known` already. */
function keywords(hints: KubernetesHints, known: JsonSchema): JsonObject {
  const { listType, listMapKeys, mapType, format, validations, type, values } = hints;
  const earlier = (known as JsonObject)['x-kubernetes-validations'] as readonly JsonObject[] | undefined;
  return {
    ...(type ?? {}),
    ...(values === undefined ? {} : { type: 'object', additionalProperties: structuralSchema(values) }),
    ...(format === undefined ? {} : { format }),
    ...(listType === undefined ? {} : { 'x-kubernetes-list-type': listType }),
    ...(listMapKeys === undefined ? {} : { 'x-kubernetes-list-map-keys': listMapKeys }),
    ...(mapType === undefined ? {} : { 'x-kubernetes-map-type': mapType }),
    ...(validations === undefined
      ? {}
      : { 'x-kubernetes-validations': [...(earlier ?? []), ...validations.map((each) => ({ ...each }))] }),
  };
}

/** Returns a pattern without the escapes that only a regular expression literal needs. */
function inGo(pattern: string): string {
  return pattern.replaceAll('\\/', '/');
}

function ordered(schema: JsonObject): JsonObject {
  const { required, properties, items, additionalProperties, ...rest } = schema as {
    readonly required?: readonly string[];
    readonly properties?: Readonly<Record<string, JsonObject>>;
    readonly items?: JsonObject;
    readonly additionalProperties?: JsonObject | boolean;
  } & JsonObject;
  if (typeof additionalProperties === 'boolean') throw new Error('a structural schema is not closed');
  const all = {
    ...rest,
    ...(required === undefined || required.length === 0 ? {} : { required }),
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, ordered(value)])),
        }),
    ...(items === undefined ? {} : { items: ordered(items) }),
    ...(additionalProperties === undefined ? {} : { additionalProperties: ordered(additionalProperties) }),
  };
  const unknown = Object.keys(all).filter((key) => !order.includes(key));
  if (unknown.length > 0) throw new Error(`a structural schema has no ${unknown.join(', ')}`);
  return Object.fromEntries(
    Object.entries(all).toSorted(([one], [other]) => order.indexOf(one) - order.indexOf(other)),
  );
}
