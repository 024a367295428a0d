import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';

const file = fileURLToPath(import.meta.resolve('@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json'));
// It uses draft 4. Except for the name of its identifier, it means the same in later drafts.
const { $schema: _, id: $id, ...schema } = JSON.parse(readFileSync(file, 'utf8'));
// One of its patterns is invalid with the flag u.
const ajv = new Ajv({ strict: false, unicodeRegExp: false });
addFormats.default(ajv);
const validate = ajv.compile({ ...schema, $id });

/** Returns the only run of a SARIF log, after the schema of SARIF 2.1.0 accepted it. */
export function sarifRun(text: string) {
  const log = JSON.parse(text);
  const isValid: boolean = validate(log);
  assert.ok(isValid, JSON.stringify(validate.errors, undefined, 1));
  assert.equal(log.runs.length, 1);
  return log.runs[0];
}
