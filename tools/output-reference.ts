import { type JsonSchema, toJsonSchema } from '@valibot/to-json-schema';
import { type DocumentName, documents } from '#cli/documents/documents';
import { schemaVersion } from '#cli/documents/schema-version';
import { table } from './cli-reference.ts';

const intro = `# JSON output

With \`--output json\`, a command prints one JSON document on stdout, and an error one on stderr. Each has a
\`schemaVersion\`. New fields may be added to a version, so ignore those that you do not know. If a field is removed, or gets
another meaning, the version increases. The [schemas](output) are JSON Schema, draft 7. The [kind of an error](errors.md)
determines the exit code. What \`--fail-on\` or \`--no-overwrite\` stops (exit code 1) is a result, and not an error.

Without \`--output json\`, the text is for people and may change.

Some commands print something else:

| command | prints |
|---|---|
| \`baseline\`, \`convert\`, \`merge\`, \`migrate\`, \`pull\`, \`policy import\` | the profile, manifests or policy, without \`--output json\` |
| \`completion\` | a script |
| \`quickstart\` | what it does, for people |
| \`serve\`, \`shim\`, \`lsm\`, \`operator\` | [logs](logs.md), one JSON object per line |
`;

/** The names of the documents, in the order of the reference. */
export const documentNames = Object.keys(documents) as readonly DocumentName[];

/** Returns the file of the schema of a document, in docs/reference/output. */
export function schemaFile(name: DocumentName): string {
  return `${name.replaceAll(' ', '-')}.schema.json`;
}

/** Returns the JSON Schema of a document. */
export function documentSchema(name: DocumentName): JsonSchema {
  const { $schema, ...schema } = toJsonSchema(documents[name]);
  return {
    ...($schema === undefined ? {} : { $schema }),
    title: name === 'error' ? 'An error of fairlead' : `Output of fairlead ${name} --output json`,
    ...(schema.anyOf === undefined ? versioned(schema) : { ...schema, anyOf: formsOf(schema).map(versioned) }),
  };
}

function versioned({ properties, required = [], ...schema }: JsonSchema): JsonSchema {
  return {
    ...schema,
    properties: {
      schemaVersion: { const: schemaVersion, description: 'version of the shape of this document' },
      ...properties,
    },
    required: ['schemaVersion', ...required],
  };
}

/** Returns the schemas of the objects that a schema allows: more than one if it is a union. */
function formsOf(schema: JsonSchema): readonly JsonSchema[] {
  return (schema.anyOf as readonly JsonSchema[] | undefined) ?? [schema];
}

/** Returns the reference page of all documents. */
export function outputReference(): string {
  return [intro, ...documentNames.map(section)].join('\n');
}

function section(name: DocumentName): string {
  const title = name === 'error' ? 'Errors' : `fairlead ${name}`;
  const schema = toJsonSchema(documents[name]);
  const forms = formsOf(schema).map((form) => {
    const heading = form.description === undefined ? '' : `${form.description}\n\n`;
    return `${heading}${table(['field', 'type', 'meaning'], fieldsOf(form, ''))}`;
  });
  return [`## ${title}\n\n[Schema](output/${schemaFile(name)})\n`, ...forms].join('\n');
}

type Row = readonly [path: string, type: string, meaning: string];

/** Returns a row for each field of an object, and of the objects in it. */
function fieldsOf(schema: JsonSchema, path: string): Row[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, value]): Row[] => {
    const field = value as JsonSchema;
    const { type, inner, suffix } = typeOf(field);
    const optional = schema.required?.includes(name) === true ? '' : ', optional';
    const at = `${path}${name}`;
    const row: Row = [`\`${at}\``, `${type}${optional}`, field.description ?? inner?.description ?? ''];
    return [row, ...(inner === undefined ? [] : fieldsOf(inner, `${at}${suffix}.`))];
  });
}

/** How the reference describes a type, and the object whose fields it lists below. */
interface DescribedType {
  readonly type: string;
  readonly inner?: JsonSchema;
  readonly suffix: string;
}

function typeOf(schema: JsonSchema): DescribedType {
  if (schema.const !== undefined) return { type: `\`${JSON.stringify(schema.const)}\``, suffix: '' };
  if (schema.enum !== undefined) {
    return { type: schema.enum.map((value) => `\`${JSON.stringify(value)}\``).join(', '), suffix: '' };
  }
  // A document that contains itself is described once.
  if (schema.$ref !== undefined) return { type: 'object', suffix: '' };
  const alternatives = schema.anyOf as readonly JsonSchema[] | undefined;
  if (alternatives !== undefined) {
    const [first = {}] = alternatives.filter(({ type }) => type !== 'null');
    const described = typeOf(first);
    const inner = described.inner ?? (first.description === undefined ? undefined : first);
    return { ...described, type: `${described.type} or null`, ...(inner && { inner }) };
  }
  if (schema.type === 'array') {
    const items = (schema.items ?? {}) as JsonSchema;
    const { type, inner, suffix } = typeOf(items);
    return { type: `list of ${plural(type)}`, suffix: `[]${suffix}`, ...(inner && { inner }) };
  }
  if (schema.type === 'object') return { type: 'object', inner: schema, suffix: '' };
  return { type: schema.type === undefined ? 'any' : String(schema.type), suffix: '' };
}

function plural(type: string): string {
  return /^(?:string|number|object|boolean)$/.test(type) ? `${type}s` : type;
}
