import * as v from 'valibot';
import { closest } from '#lib/text/closest';
import { quote } from '#lib/text/quote';
import { sentence } from '#lib/text/sentence';
import { fieldOfSteps } from './field.ts';
import { plainText } from './plain-text.ts';
import type { Violation } from './verdict.ts';

/** An object that its schema accepts, or why it does not. */
export type Structure<T> = { readonly value: T } | { readonly violations: readonly Violation[] };

/** More violations of one object than this are not listed. */
const most = 100;

/**
 * Compares an object with the schema of its API, as the API server does with the OpenAPI schema and
 * the rules of the CRD; an older CRD or API server knows fewer of them. Only the specification is
 * examined: the status is the operator's own.
 */
export function structureOf<T extends v.GenericSchema>(schema: T, object: unknown): Structure<v.InferOutput<T>> {
  const spec = isObject(object) ? object['spec'] : undefined;
  const parsed = v.safeParse(schema, spec === undefined || spec === null ? {} : { spec });
  if (parsed.success) return { value: parsed.output };
  const { issues } = parsed;
  // A rule states in words what a pattern next to it only shows.
  const inWords = new Set(issues.filter(({ type }) => type === 'check').map(placeOf));
  const told = issues.filter((issue) => issue.type !== 'regex' || !inWords.has(placeOf(issue)));
  return { violations: told.slice(0, most).map(violationOf) };
}

/** Reports whether a value is an object of JSON. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

type Issue = v.BaseIssue<unknown>;

function placeOf(issue: Issue): string {
  return fieldOfSteps((issue.path ?? []).map(({ key }) => key));
}

function violationOf(issue: Issue): Violation {
  const field = placeOf(issue);
  // A map reports the issues of its values as its own.
  const input = issue.path === undefined ? issue.input : issue.path.at(-1)?.value;
  if (issue.kind === 'schema' && input === undefined) {
    return { field, problem: 'is missing', fix: 'Add it.' };
  }
  if (issue.type === 'picklist') {
    const choices = choicesOf(issue);
    const meant = typeof input === 'string' ? closest(input, choices) : undefined;
    const suggestion = meant === undefined ? '' : `: did you mean ${meant}?`;
    return { field, problem: `unknown value ${spell(input)}${suggestion}`, fix: `Use one of ${choices.join(', ')}.` };
  }
  if (issue.kind === 'schema' && issue.type !== 'custom') {
    return { field, problem: `is ${kindOf(input)} (${spell(input)})`, fix: `Write ${wanted(issue)}.` };
  }
  // A rule about several fields names the one at fault first.
  const [, name] = /^([a-zA-Z]+) /.exec(issue.message) ?? [];
  if (issue.type === 'check' && name !== undefined && isObject(input) && Object.hasOwn(input, name)) {
    return { field: `${field}.${name}`, ...ruleOf(issue, input[name]) };
  }
  return { field, ...ruleOf(issue, input) };
}

function ruleOf(issue: Issue, input: unknown): Pick<Violation, 'problem' | 'fix'> {
  const { requirement } = issue as { readonly requirement?: unknown };
  const shown = spell(input);
  switch (issue.type) {
    case 'min_length':
      return { problem: 'must not be empty', fix: 'Write at least one item or character.' };
    case 'max_length': {
      const length = typeof input === 'string' || Array.isArray(input) ? input.length : 0;
      const what = typeof input === 'string' ? 'characters' : 'items';
      return {
        problem: `has ${length} ${what}, more than ${requirement}`,
        fix: `Write at most ${requirement} ${what}.`,
      };
    }
    case 'min_value':
      return { problem: `${shown} is too small`, fix: `Write at least ${requirement}.` };
    case 'integer':
      return { problem: `${shown} is not a whole number`, fix: 'Write a whole number.' };
    case 'regex':
      return { problem: `${shown} is not accepted`, fix: `Write text of the form ${requirement}.` };
    default: {
      const twice = Array.isArray(input) ? firstRepeated(input) : undefined;
      if (twice !== undefined) return { problem: `has ${spell(twice)} twice`, fix: 'Remove one of them.' };
      return {
        problem: `${shown} is not accepted`,
        fix: sentence(`${/^must /.test(issue.message) ? 'It ' : ''}${plainText(issue.message)}`),
      };
    }
  }
}

function firstRepeated(items: readonly unknown[]): unknown {
  const seen = new Set<unknown>();
  return items.find((item) => seen.has(item) || !seen.add(item));
}

function choicesOf(issue: Issue): readonly string[] {
  const { options } = issue as { readonly options?: readonly unknown[] };
  if (options !== undefined) return options.map(String);
  return (issue.expected ?? '')
    .replace(/^\(|\)$/g, '')
    .split(' | ')
    .map((choice) => choice.replace(/^"|"$/g, ''));
}

/** Returns what a schema wants, in words. */
function wanted(issue: Issue): string {
  switch (issue.type) {
    case 'picklist':
      return `one of ${choicesOf(issue).join(', ')}`;
    case 'string':
      return 'text';
    case 'number':
      return 'a number';
    case 'boolean':
      return 'true or false';
    case 'array':
      return 'a list';
    case 'object':
      return 'an object with fields';
    default:
      return issue.type === 'custom' ? plainText(issue.message) : `a value of type ${issue.type}`;
  }
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  switch (typeof value) {
    case 'string':
      return 'text';
    case 'boolean':
      return 'true or false';
    case 'object':
      return 'an object';
    default:
      return 'a number';
  }
}

/** Returns a value as it can stand in a message. */
function spell(value: unknown): string {
  if (typeof value === 'string') return quote(value, 64);
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return value === null ? 'null' : 'an object';
}
