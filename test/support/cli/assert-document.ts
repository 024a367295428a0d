import assert from 'node:assert/strict';
import { Ajv, type ValidateFunction } from 'ajv';
import { documentNames, documentSchema } from '../../../tools/output-reference.ts';

const ajv = new Ajv({ strict: true, strictRequired: false, allErrors: true });
const names = new Map(documentNames.map((name) => [String(name), name]));
/** Compiled when they are needed: all of them take a second. */
const validators = new Map<string, ValidateFunction>();

/** The names of the documents that assertDocument has seen. */
export const seenDocuments: Set<string> = new Set();

/**
 * Asserts that a JSON document is as the reference describes it, and has no field that it does not
 * describe.
 *
 * @param name the words of the command, or `error`.
 */
export function assertDocument(name: string, json: string): void {
  const validate = validatorOf(name);
  assert.ok(validate, `cli/documents has no document ${name}`);
  const document: unknown = JSON.parse(json);
  assert.ok(validate(document), `fairlead ${name}: ${ajv.errorsText(validate.errors)}\n${json}`);
  assert.equal(Object.keys(document as object)[0], 'schemaVersion');
  seenDocuments.add(name);
}

/** Returns the name of the document that a command line prints, or undefined if it prints none. */
export function documentOf(args: readonly string[]): string | undefined {
  const [first = '', second = ''] = args;
  return [`${first} ${second}`, first].find((name) => names.has(name));
}

function validatorOf(name: string): ValidateFunction | undefined {
  const known = names.get(name);
  if (known === undefined) return undefined;
  const validate = validators.get(name) ?? ajv.compile(closed(documentSchema(known)));
  validators.set(name, validate);
  return validate;
}

/** Returns a JSON Schema in which no object may have fields that are not listed. */
function closed(schema: object): object {
  return Object.fromEntries(
    Object.entries({ ...schema, ...('properties' in schema && { additionalProperties: false }) }).map(
      ([key, value]) => [
        key,
        Array.isArray(value)
          ? value.map((each: unknown) => (typeof each === 'object' && each !== null ? closed(each) : each))
          : typeof value === 'object' && value !== null
            ? closed(value)
            : value,
      ],
    ),
  );
}
