import type { ResourceDefinition, ResourceVersion } from '#operator/api/shared/resource-definition';
import { structuralSchema } from '#operator/crds/structural-schema';
import { table } from './cli-reference.ts';

/** The part of a structural schema that the pages describe. */
interface Schema {
  readonly description?: string;
  readonly type?: string;
  readonly format?: string;
  readonly enum?: readonly string[];
  readonly default?: unknown;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema;
  readonly 'x-kubernetes-list-type'?: string;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-validations'?: readonly { readonly message: string }[];
}

/** Fields whose type is one of Kubernetes, which Kubernetes describes. */
const ofKubernetes: Readonly<Record<string, string>> = {
  affinity: 'core/v1 Affinity',
  conditions: 'list of meta/v1 Condition',
  daemonResourceRequirements: 'core/v1 ResourceRequirements',
  namespaceSelector: 'meta/v1 LabelSelector',
  objectSelector: 'meta/v1 LabelSelector',
  podSelector: 'meta/v1 LabelSelector',
  tolerations: 'list of core/v1 Toleration',
};

interface Field {
  readonly path: string;
  readonly type: string;
  readonly rules: string;
  readonly description: string;
}

/** Returns the reference page of an API. */
export function apiReference(resource: ResourceDefinition): string {
  const { group, kind, plural, shortNames, scope, description, stored, older } = resource;
  const versions =
    older === undefined ? `\`${stored.name}\`` : `\`${stored.name}\`, which is stored, and \`${older.name}\``;
  return `# ${kind}

${description}

| | |
|---|---|
| API group | \`${group}\` |
| versions | ${versions} |
| scope | ${scope === 'Cluster' ? 'the cluster' : 'a namespace'} |
| names | ${[plural, ...shortNames].map((name) => `\`${name}\``).join(', ')} |

## ${stored.name}

${fieldTable(fieldsOf(stored))}${older === undefined ? '' : `\n${olderVersion(stored, older)}`}`;
}

/** Returns what is different in the older version of an API. */
function olderVersion(stored: ResourceVersion, older: ResourceVersion): string {
  const fields = fieldsOf(stored);
  const olderFields = fieldsOf(older);
  const texts = new Set(fields.map((field) => JSON.stringify(field)));
  const different = olderFields.filter((field) => !texts.has(JSON.stringify(field)));
  const known = new Set(olderFields.map(({ path }) => path));
  const missing = fields.filter(({ path }) => !known.has(path)).map(({ path }) => `\`${path}\``);
  return `## ${older.name}

As ${stored.name}${missing.length === 0 ? '' : `, without ${missing.join(', ')}`}${different.length === 0 ? '.' : ', but:'}
${different.length === 0 ? '' : `\n${fieldTable(different)}`}`;
}

/** Returns the page that lists the APIs. */
export function apiIndex(resources: readonly ResourceDefinition[]): string {
  return `# APIs of the operator

The operator serves the APIs of the Security Profiles Operator, in the same versions, and those of the group
\`fairlead.dev\`, by which artifacts are bound to pods. The CustomResourceDefinitions are in
[deploy/operator/crds](../../../deploy/operator/crds); \`fairlead operator manifests --crds\` prints them. A rule that is written in
words is checked by API servers of 1.25 and newer, and by the operator's webhook.

${table(
  ['kind', 'versions', 'what it is for'],
  resources.map((resource) => [
    `[${resource.kind}](${pageOf(resource)})`,
    [resource.stored.name, ...(resource.older === undefined ? [] : [resource.older.name])].join(', '),
    resource.description,
  ]),
)}`;
}

/** Returns the name of the file of an API's page. */
export function pageOf({ singular }: ResourceDefinition): string {
  return `${singular}.md`;
}

function fieldsOf({ schema }: ResourceVersion): Field[] {
  const { properties = {}, required = [] } = structuralSchema(schema) as Schema;
  return Object.entries(properties).flatMap(([name, value]) => fieldsBelow(name, name, value, required.includes(name)));
}

function fieldsBelow(path: string, name: string, schema: Schema, required: boolean): Field[] {
  const type = ofKubernetes[name] ?? typeOf(schema);
  const field = { path, type, rules: rulesOf(schema, required), description: schema.description ?? '' };
  return [field, ...(name in ofKubernetes ? [] : membersOf(path, schema))];
}

/** Returns the fields of the objects that are in a value. */
function membersOf(path: string, schema: Schema): Field[] {
  if (schema.items !== undefined) return membersOf(`${path}[]`, schema.items);
  if (schema.additionalProperties !== undefined) return membersOf(`${path}.*`, schema.additionalProperties);
  return Object.entries(schema.properties ?? {}).flatMap(([name, value]) =>
    fieldsBelow(`${path}.${name}`, name, value, schema.required?.includes(name) ?? false),
  );
}

function typeOf({ type = 'integer or string', format, items, additionalProperties, ...schema }: Schema): string {
  if (items !== undefined) return `${schema['x-kubernetes-list-type'] === 'set' ? 'set' : 'list'} of ${typeOf(items)}`;
  if (additionalProperties !== undefined) return `map to ${typeOf(additionalProperties)}`;
  return format === undefined ? type : `${type} (${format})`;
}

function rulesOf(schema: Schema, required: boolean): string {
  const { items, minItems, maxItems, minLength, maxLength, minimum, pattern } = schema;
  const options = schema.enum ?? items?.enum;
  const words = schema['x-kubernetes-validations'] ?? [];
  const keys = schema['x-kubernetes-list-map-keys'];
  const rules = [
    required ? 'required' : undefined,
    schema.default === undefined ? undefined : `default \`${JSON.stringify(schema.default)}\``,
    options === undefined
      ? undefined
      : `${items?.enum === undefined ? '' : 'each '}one of ${options.map((option) => `\`${option}\``).join(', ')}`,
    minimum === undefined ? undefined : `at least ${minimum}`,
    minLength === undefined ? undefined : minLength === 1 ? 'not empty' : `at least ${minLength} characters`,
    maxLength === undefined ? undefined : `at most ${maxLength} characters`,
    minItems === undefined ? undefined : minItems === 1 ? 'not empty' : `at least ${minItems} items`,
    maxItems === undefined ? undefined : `at most ${maxItems} items`,
    keys === undefined ? undefined : `each ${keys.join(', ')} once`,
    pattern === undefined || words.length > 0 ? undefined : `matches \`${pattern}\``,
    ...words.map(({ message }) => message),
  ];
  return rules.filter((each) => each !== undefined).join('; ');
}

function fieldTable(fields: readonly Field[]): string {
  return table(
    ['field', 'type', 'rules', 'description'],
    fields.map(({ path, type, rules, description }) => [`\`${path}\``, type, rules, description]),
  );
}
