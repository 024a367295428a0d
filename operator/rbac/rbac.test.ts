import { it } from 'node:test';
import { assertGenerated } from '#test/support/generated';
import { permissions } from './permissions.ts';
import { rbacText } from './rbac-text.ts';
import { rolesOfUsers } from './roles-of-users.ts';

it('deploy/operator/rbac.yaml is generated from the permissions', () => {
  assertGenerated('deploy/operator/rbac.yaml', rbacText(permissions, rolesOfUsers));
});
