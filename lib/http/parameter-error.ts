import type { SchemaErrorFormatter } from 'fastify/types/schema.js';
import { FairleadError } from '#lib/errors';
import { closest } from '#lib/text/closest';
import { quote } from '#lib/text/quote';

type SchemaErrors = Parameters<SchemaErrorFormatter>[0];

/** What a schema says of one query parameter. */
interface Parameter {
  readonly description?: string;
}

/**
 * Says in our words what a schema found wrong with the query of a request: an unknown parameter
 * first, with the one that was probably meant, since a misspelt name is also a missing one. Needs
 * the schema beside each error (ajv's `verbose`).
 */
export function parameterError(errors: SchemaErrors, part: string): FairleadError {
  const error = errors.find(({ keyword }) => keyword === 'additionalProperties') ?? errors[0];
  const { keyword, params, instancePath, message } = {
    keyword: '',
    params: {},
    instancePath: '',
    message: '',
    ...error,
  };
  const name = instancePath.slice(1).split('/')[0] ?? '';
  if (part !== 'querystring') return invalid(`${part}${instancePath} ${message}`);
  const schema = error === undefined ? undefined : Reflect.get(error, 'parentSchema');
  const parameters: Readonly<Record<string, Parameter>> = schema?.properties ?? {};
  if (keyword === 'additionalProperties') {
    const unknown = String(params['additionalProperty']);
    const meant = closest(unknown, Object.keys(parameters));
    return invalid(
      `unknown query parameter ${quote(unknown)}`,
      meant === undefined ? `There are: ${Object.keys(parameters).join(', ')}.` : `Did you mean ${quote(meant)}?`,
    );
  }
  if (keyword === 'required') {
    const missing = String(params['missingProperty']);
    const description = parameters[missing]?.description;
    return invalid(`the query parameter ${missing} is missing`, description && `${missing}: ${description}.`);
  }
  const value = error === undefined ? undefined : Reflect.get(error, 'data');
  if (Array.isArray(value))
    return invalid(`the query parameter ${name} is given ${value.length} times`, 'Give it once.');
  if (keyword === 'enum') {
    const allowed = (params['allowedValues'] as readonly unknown[]).map(String);
    const meant = closest(String(value), allowed);
    return invalid(
      `the query parameter ${name} is ${quote(String(value))}, which is none of ${allowed.join(', ')}`,
      meant === undefined ? `Give one of ${allowed.join(', ')}.` : `Did you mean ${quote(meant)}?`,
    );
  }
  if (keyword === 'maxLength')
    return invalid(`the query parameter ${name} is longer than ${params['limit']} characters`);
  return invalid(`the query parameter ${name} ${message}`);
}

function invalid(message: string, hint = 'GET /openapi.json says what a request has.'): FairleadError {
  return new FairleadError('InvalidInput', message, { hint });
}
