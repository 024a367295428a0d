import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { exampleProfile } from './example-profile.ts';

it('the example profile of the quickstart is examples/nginx.json, byte by byte, so that both have one digest', () => {
  assert.deepEqual(Buffer.from(exampleProfile()), readFileSync(new URL('../../examples/nginx.json', import.meta.url)));
});
