import { it } from 'node:test';
import { assertGenerated } from '#test/support/generated';
import { pullSecretsRole, rolesOfUsers } from './other-roles.ts';
import { permissions } from './permissions.ts';
import { rbacText } from './rbac-text.ts';

it('deploy/operator/rbac.yaml is generated from the permissions', () => {
  assertGenerated('deploy/operator/rbac.yaml', rbacText(permissions, [pullSecretsRole, rolesOfUsers]));
});
