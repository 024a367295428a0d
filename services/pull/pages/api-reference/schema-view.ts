import { type Html, html } from '../components/html.ts';
import type { Schema } from './open-api-document.ts';

/** Levels of members that are shown: schemas may refer to themselves. */
const deepest = 6;

/** Returns the members of an object, or of the objects in a list; undefined without members. */
export function schemaView(schema: Schema, depth = 0): Html | undefined {
  const list = membersOf(schema);
  if (list === undefined || depth >= deepest) return undefined;
  const required = new Set(list.required);
  const rows = Object.entries(list.properties ?? {}).map(([name, member]) =>
    memberView(name, member, required.has(name), depth),
  );
  return html`<ul class="members">${rows}</ul>`;
}

function memberView(name: string, schema: Schema, required: boolean, depth: number): Html {
  const { description } = schema;
  return html`<li><code>${name}</code> <small>${typeOf(schema)}${!required && ', optional'}</small>${
    description !== undefined && html`<p>${described(description)}</p>`
  }${schemaView(schema, depth + 1)}</li>`;
}

/** Returns the schema whose members are those of a value, or of each item of a list. */
function membersOf(schema: Schema): Schema | undefined {
  if (schema.properties !== undefined) return schema;
  return schema.items === undefined ? undefined : membersOf(schema.items);
}

/** Returns the type of a value in words, with its limits. */
export function typeOf(schema: Schema): Html {
  const { $ref, items, anyOf, oneOf } = schema;
  if ($ref !== undefined) return html`<a href="#${anchorOf($ref)}">${nameOf($ref)}</a>`;
  if (items !== undefined) return html`list of ${typeOf(items)}`;
  const alternatives = anyOf ?? oneOf;
  if (alternatives !== undefined)
    return html`${alternatives.map((each, index) => html`${index > 0 && ' or '}${typeOf(each)}`)}`;
  return html`${[plainType(schema), ...limitsOf(schema)].join(', ')}`;
}

function plainType({ type, format, const: only, enum: values }: Schema): string {
  if (only !== undefined) return JSON.stringify(only);
  if (values !== undefined) return values.map((value) => String(value)).join(' | ');
  const name = typeof type === 'string' ? type : (type ?? ['any']).join(' or ');
  return format === undefined ? name : `${name} (${format})`;
}

function limitsOf({ default: byDefault, minimum, maximum, maxLength }: Schema): string[] {
  return [
    ...(minimum === undefined ? [] : [`at least ${minimum}`]),
    ...(maximum === undefined ? [] : [`at most ${maximum}`]),
    ...(maxLength === undefined ? [] : [`at most ${maxLength} characters`]),
    ...(byDefault === undefined ? [] : [`default ${String(byDefault)}`]),
  ];
}

function nameOf(reference: string): string {
  return reference.slice(reference.lastIndexOf('/') + 1);
}

/** Returns the anchor of a named schema: of its name, or of a reference to it. */
export function anchorOf(reference: string): string {
  return `schema-${nameOf(reference)}`;
}

/** Returns a description, in which names stand in backquotes. */
export function described(text: string): Html {
  // The parts at odd positions are those in backquotes.
  return html`${text.split('`').map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part))}`;
}
