import type { SchemaErrorFormatter } from 'fastify/types/schema.js';
import { FairleadError } from '#lib/errors';
import { closest } from '#lib/text/closest';
import { quote } from '#lib/text/quote';

type SchemaErrors = Parameters<SchemaErrorFormatter>[0];

/** The schema of one query parameter. */
interface Parameter {
  readonly description?: string;
}

/**
 * Returns the error for what a schema found wrong with the query of a request. An unknown parameter
 * comes first, with the one that was probably meant, since a misspelled name is also a missing one.
 * Needs the schema beside each error (`verbose` of ajv).
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
      meant === undefined
        ? `Known parameters: ${Object.keys(parameters).join(', ')}.`
        : `Did you mean ${quote(meant)}?`,
    );
  }
  if (keyword === 'required') {
    const missing = String(params['missingProperty']);
    const description = parameters[missing]?.description;
    return invalid(`the query parameter ${missing} is missing`, description && `${missing}: ${description}.`);
  }
  const value = error === undefined ? undefined : Reflect.get(error, 'data');
  if (Array.isArray(value))
    return invalid(`the query parameter ${name} is given ${value.length} times`, 'Specify it once.');
  if (keyword === 'enum') {
    const allowed = (params['allowedValues'] as readonly unknown[]).map(String);
    const meant = closest(String(value), allowed);
    return invalid(
      `invalid query parameter ${name} ${quote(String(value))}: want one of ${allowed.join(', ')}`,
      meant === undefined ? `Specify one of ${allowed.join(', ')}.` : `Did you mean ${quote(meant)}?`,
    );
  }
  if (keyword === 'maxLength')
    return invalid(`the query parameter ${name} is longer than ${params['limit']} characters`);
  return invalid(`the query parameter ${name} ${message}`);
}

function invalid(message: string, hint = 'GET /openapi.json describes the request.'): FairleadError {
  return new FairleadError('InvalidInput', message, { hint });
}
