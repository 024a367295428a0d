import { errors, model, type Room, tables } from './room.ts';

/** The rooms of the operator. */
export const operatorRooms: readonly Room[] = [
  { name: 'operator/api/shared/json.ts', imports: [], pure: true },
  {
    name: 'operator/api/shared/kubernetes.ts',
    imports: ['operator/api/shared/json.ts'],
    packages: ['valibot'],
    pure: true,
  },
  {
    name: 'operator/api',
    imports: [errors, 'lib/node/reference', 'lib/registry', 'lib/text', 'operator/api/shared/kubernetes.ts'],
    packages: ['valibot'],
  },
  {
    name: 'operator/api/shared',
    imports: [errors, 'lib/registry', 'lib/trust/policy', 'operator/api', 'operator/api/shared/kubernetes.ts'],
    packages: ['lru-cache', 'valibot'],
    pure: true,
  },
  {
    name: 'operator/api/rawselinuxprofile',
    imports: ['operator/api/shared'],
    packages: ['valibot'],
    pure: true,
  },
  ...['seccompprofile', 'selinuxprofile', 'apparmorprofile', 'securityprofilenodestatus'].map((kind) => ({
    name: `operator/api/${kind}`,
    imports: ['operator/api/shared', 'operator/api/shared/kubernetes.ts'],
    packages: ['valibot'],
    pure: true as const,
  })),
  ...['artifactbinding', 'clusterprofileartifact', 'profileartifact'].map((kind) => ({
    name: `operator/api/${kind}`,
    imports: ['operator/api/shared'],
    packages: ['valibot'],
    pure: true as const,
  })),
  {
    name: 'operator/api/clusterartifactbinding',
    imports: ['operator/api', 'operator/api/shared'],
    packages: ['valibot'],
    pure: true,
  },
  {
    name: 'operator/api/trustpolicy',
    imports: ['operator/api/shared', 'operator/api/shared/kubernetes.ts'],
    packages: ['valibot'],
    pure: true,
  },
  ...['profilebinding', 'profilerecording', 'securityprofilesoperatordaemon'].map((kind) => ({
    name: `operator/api/${kind}`,
    imports: ['operator/api', 'operator/api/shared', 'operator/api/shared/kubernetes.ts'],
    packages: ['valibot'],
    pure: true as const,
  })),
  { name: 'operator/api/resources.ts', imports: ['operator/api/**'], pure: true },
  {
    name: 'operator/crds',
    imports: ['operator/api/shared', 'operator/api/shared/json.ts', 'operator/api/shared/kubernetes.ts'],
    packages: ['@valibot/to-json-schema', 'valibot', 'yaml'],
    pure: true,
  },
  {
    name: 'operator/manifests',
    imports: ['operator/api/resources.ts', 'operator/crds'],
    packages: ['yaml'],
  },
  {
    name: 'operator/conversion',
    imports: [errors, 'lib/text', 'operator/api/**'],
    packages: ['valibot'],
    pure: true,
  },
  {
    name: 'operator/bind',
    imports: [errors, 'lib/node/reference', 'lib/registry', 'lib/text', 'lib/trust/policy', 'operator/api/**'],
    packages: ['valibot'],
    pure: true,
  },
  {
    name: 'operator/coverage',
    imports: ['lib/text', 'operator/api', 'operator/api/shared', 'operator/bind'],
    packages: ['valibot'],
    pure: true,
  },
  {
    name: 'operator/node-decisions',
    imports: [errors, 'lib/kube', 'lib/node/reference', 'lib/text', 'operator/api'],
    packages: ['valibot'],
  },
  {
    name: 'operator/kube',
    imports: [errors, 'lib/kube', 'operator/api/**', 'operator/bind', 'operator/coverage', 'lib/concurrency'],
    packages: ['fastify', 'lru-cache', 'valibot'],
  },
  {
    name: 'operator/validate',
    imports: [
      ...[errors, 'lib/profile', 'lib/profile/finding.ts', 'lib/profile/resource-name.ts', 'lib/profile/json'],
      ...['lib/profile/apparmor', 'lib/profile/selinux', model, tables, 'lib/profile/seccomp/read'],
      ...['lib/registry', 'lib/text', 'operator/api/**'],
    ],
    packages: ['re2js', 'valibot'],
    pure: true,
  },
  {
    name: 'operator/controllers',
    imports: [
      ...[errors, 'lib/kube', 'lib/profile', 'lib/profile/json', 'lib/profile/seccomp', 'lib/profile/seccomp/write'],
      ...[model, 'lib/registry', 'lib/text', 'operator/api/**', 'operator/validate'],
      ...['operator/bind', 'operator/coverage', 'operator/kube', 'operator/node-decisions'],
    ],
    // profile-metrics.ts counts under the names of the Security Profiles Operator.
    packages: ['lru-cache', 'prom-client', 'valibot'],
  },
  {
    name: 'operator/definitions',
    imports: [errors, 'lib/kube', 'operator/api/**', 'operator/crds'],
  },
  {
    name: 'operator/trust',
    imports: [
      ...[errors, 'lib/config', 'lib/kube', 'lib/profile', 'lib/text', 'lib/trust/keys', 'lib/trust/policy'],
      ...['lib/trust/roots', 'operator/api/**', 'operator/validate'],
    ],
    packages: ['valibot'],
  },
  {
    name: 'operator/base',
    imports: [errors, 'lib/node/pull', 'lib/profile', 'lib/registry', 'operator/controllers', 'operator/trust'],
    packages: ['lru-cache'],
  },
  {
    name: 'operator/artifacts',
    imports: [
      ...[errors, 'lib/kube', 'lib/node/find', 'lib/node/pull', 'lib/profile', 'lib/profile/change.ts', tables],
      ...['lib/registry', 'lib/registry/credentials', 'lib/text', 'lib/trust/policy', 'lib/trust/signature'],
      ...['operator/api/**', 'operator/node-decisions', 'operator/trust', 'operator/validate'],
    ],
    packages: ['lru-cache', 'prom-client', 'valibot'],
  },
  {
    name: 'operator/migrate',
    imports: [
      ...[errors, 'lib/profile', 'lib/profile/json', 'lib/profile/yaml', 'lib/yaml'],
      ...['operator/api/**', 'operator/conversion', 'operator/validate'],
    ],
    packages: ['valibot', 'yaml'],
    pure: true,
  },
  {
    name: 'operator/webhooks',
    imports: [
      ...[errors, 'lib/concurrency', 'lib/http', 'lib/http/connections', 'lib/kube', 'lib/profile', 'lib/text'],
      ...[
        'operator/api/**',
        'operator/bind',
        'operator/conversion',
        // What a namespace demands of a pod is decided by what its containers run under.
        'operator/coverage',
        'operator/kube',
        'operator/trust',
        'operator/validate',
      ],
    ],
    packages: ['fastify', 'valibot'],
  },
  {
    name: 'operator/certificates',
    imports: [errors, 'lib/http', 'lib/kube', 'operator/api/shared'],
    packages: ['@peculiar/asn1-schema', '@peculiar/asn1-x509', 'valibot'],
  },
  {
    name: 'operator/image-profiles',
    imports: [errors, 'lib/kube', 'operator/api/**', 'operator/bind', 'operator/kube', 'operator/coverage'],
    packages: ['lru-cache', 'valibot'],
  },
  {
    name: 'operator/rbac',
    imports: ['operator/api/**', 'operator/certificates', 'operator/controllers'],
  },
  {
    name: 'operator/run',
    imports: [
      ...[
        errors,
        'lib/concurrency',
        'lib/http',
        'lib/kube',
        'lib/registry',
        'lib/registry/credentials',
        'lib/registry/remote',
        'operator/api/shared',
      ],
      ...[
        'operator/artifacts',
        'operator/trust',
        'operator/base',
        'operator/bind',
        'operator/certificates',
        'operator/controllers',
        'operator/definitions',
        'operator/image-profiles',
        'operator/kube',
        'operator/node-decisions',
        'operator/webhooks',
      ],
    ],
    packages: ['fastify', 'prom-client'],
  },
];
