import type { Permission } from './permissions.ts';

const namespace = 'fairlead-system';
const name = 'fairlead-operator';

/**
 * Returns the ServiceAccount of the operator and all roles, as the manifest in YAML. Other roles
 * follow.
 */
export function rbacText(permissions: readonly Permission[], otherRoles: readonly string[]): string {
  const inAll = permissions.filter(({ namespaces }) => namespaces === 'all');
  const inOwn = permissions.filter(({ namespaces }) => namespaces === 'own');
  return [
    '# Generated from operator/rbac/permissions.ts by `npm run docs`.\n' +
      'apiVersion: v1\nkind: ServiceAccount\n' +
      `metadata:\n  name: ${name}\n  namespace: ${namespace}\nautomountServiceAccountToken: false\n`,
    `# All that the operator may do in the cluster.\n${role('ClusterRole', inAll)}`,
    binding('ClusterRoleBinding', 'ClusterRole'),
    `# All that the operator may do in its own namespace besides.\n${role('Role', inOwn)}`,
    binding('RoleBinding', 'Role'),
    ...otherRoles,
  ].join('---\n');
}

function role(kind: 'ClusterRole' | 'Role', permissions: readonly Permission[]): string {
  return `apiVersion: rbac.authorization.k8s.io/v1\nkind: ${kind}\n${metadata(kind)}rules:\n${permissions.map(rule).join('')}`;
}

function rule({ group, resource, verbs, names, reason }: Permission): string {
  return [
    `  # ${reason}`,
    `  - apiGroups: [${JSON.stringify(group)}]`,
    `    resources: [${resource}]`,
    ...(names === undefined ? [] : ['    resourceNames:', ...names.map((each) => `      - ${each}`)]),
    `    verbs: [${verbs.join(', ')}]\n`,
  ].join('\n');
}

function binding(kind: 'ClusterRoleBinding' | 'RoleBinding', role: 'ClusterRole' | 'Role'): string {
  return (
    `apiVersion: rbac.authorization.k8s.io/v1\nkind: ${kind}\n${metadata(kind)}` +
    `roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ${role}, name: ${name} }\n` +
    `subjects:\n  - { kind: ServiceAccount, name: ${name}, namespace: ${namespace} }\n`
  );
}

function metadata(kind: string): string {
  return `metadata:\n  name: ${name}\n${kind.startsWith('Cluster') ? '' : `  namespace: ${namespace}\n`}`;
}
