import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { it } from 'node:test';
import { toJsonSchema } from '@valibot/to-json-schema';
import { authorizationSchema } from './authorization-schema.ts';
import { parseAuthorization } from './parse-authorization.ts';

const docs = new URL('../../docs/', import.meta.url);

it('docs/reference/authorization.schema.json is the form that the parser knows (FAIRLEAD_UPDATE=1 writes it anew)', () => {
  const file = new URL('reference/authorization.schema.json', docs);
  const schema = { title: 'Fairlead authorization file', ...toJsonSchema(authorizationSchema) };
  if (process.env['FAIRLEAD_UPDATE'] === '1') writeFileSync(file, `${JSON.stringify(schema, undefined, 2)}\n`);
  assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), schema);
});

it('docs/guides/services.md has authorization files that parse, each with rules', () => {
  const text = readFileSync(new URL('guides/services.md', docs), 'utf8');
  const examples = [...text.matchAll(/^```yaml\n(apiVersion: fairlead.dev\/v1\nkind: Authorization\n.*?)^```$/gms)];
  assert.ok(examples.length > 0);
  for (const [, example = ''] of examples) assert.ok(parseAuthorization(example, 'services.md').rules.length > 0);
});
