import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { permissions } from './permissions.ts';
import { rbacText } from './rbac-text.ts';
import { rolesOfUsers } from './roles-of-users.ts';

const file = fileURLToPath(new URL('../../deploy/operator/rbac.yaml', import.meta.url));

it('deploy/operator/rbac.yaml is generated from the permissions; FAIRLEAD_UPDATE=1 writes it', () => {
  const text = rbacText(permissions, rolesOfUsers);
  if (process.env['FAIRLEAD_UPDATE'] === '1') writeFileSync(file, text);
  assert.equal(readFileSync(file, 'utf8'), text);
});
