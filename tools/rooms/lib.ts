import { errors, model, type Room, steps, tables, traced } from './room.ts';

/** Types that every kind of profile uses. Functions for any kind are next to them. */
const place = 'lib/profile/place.ts';
const profileTypes = ['change', 'constraint', 'finding', 'resource-name'].map((name) => `lib/profile/${name}.ts`);
const violation = 'lib/profile/violation.ts';
const algebra = 'lib/profile/seccomp/algebra';
const libseccomp = 'lib/profile/seccomp/libseccomp';

/** The rooms of the library. */
export const libRooms: readonly Room[] = [
  { name: errors, imports: [] },
  { name: steps, imports: [] },
  { name: traced, imports: [] },
  { name: 'lib/text', imports: [], packages: ['fastest-levenshtein'], pure: true },
  { name: 'lib/yaml', imports: [errors], packages: ['yaml'], pure: true },
  { name: 'lib/config', imports: [errors, 'lib/text', 'lib/yaml'], packages: ['valibot', 'yaml'], pure: true },
  { name: 'lib/concurrency', imports: [errors] },
  { name: 'lib/files', imports: [errors, 'lib/text'] },
  { name: 'lib/programs', imports: [] },
  {
    name: 'lib/network/hosts',
    imports: [errors, 'lib/text'],
    packages: ['smol-toml', 'valibot'],
  },
  {
    name: 'lib/network',
    imports: [errors, 'lib/network/hosts', 'lib/text', traced],
    packages: ['undici'],
  },
  { name: 'lib/http/connections', imports: [] },
  {
    name: 'lib/http',
    imports: [errors, 'lib/concurrency', 'lib/http/connections', 'lib/text'],
    packages: ['@fastify/swagger', 'fastify', 'fastify-plugin', 'prom-client'],
  },
  {
    name: 'lib/telemetry',
    imports: [errors, traced],
    packages: [
      ...['@opentelemetry/api', '@opentelemetry/exporter-trace-otlp-http', '@opentelemetry/resources'],
      ...['@opentelemetry/sdk-trace', '@opentelemetry/semantic-conventions', 'fastify'],
    ],
  },
  { name: 'lib/cri/gen', imports: [], packages: ['@bufbuild/protobuf'] },
  { name: 'lib/cri', imports: [errors, 'lib/cri/gen', 'lib/text'], packages: ['@bufbuild/protobuf'] },
  {
    name: 'lib/kube',
    imports: [errors, 'lib/concurrency', 'lib/text'],
    packages: ['@kubernetes/client-node', 'lru-cache', 'prom-client', 'valibot'],
  },

  { name: place, imports: [], pure: true },
  ...['lib/profile/change.ts', 'lib/profile/finding.ts'].map((name): Room => ({ name, imports: [place], pure: true })),
  ...['lib/profile/constraint.ts', 'lib/profile/resource-name.ts'].map(
    (name): Room => ({ name, imports: [], pure: true }),
  ),
  { name: violation, imports: [errors], pure: true },
  { name: 'lib/profile/json', imports: [errors, place, 'lib/text'], pure: true },
  {
    name: 'lib/profile/yaml',
    imports: [errors, 'lib/profile/json', 'lib/text', 'lib/yaml'],
    packages: ['yaml'],
    pure: true,
  },
  { name: model, imports: [], pure: true },
  { name: tables, imports: [errors, model], pure: true },
  { name: 'lib/profile/seccomp/tables/runtime-defaults', imports: [model, tables, 'lib/text'], pure: true },
  {
    name: algebra,
    imports: [model, tables, 'lib/profile/change.ts'],
    pure: true,
  },
  { name: libseccomp, imports: [model, tables, algebra, 'lib/profile/change.ts'], pure: true },
  {
    name: 'lib/profile/seccomp/read',
    imports: [errors, model, tables, algebra, libseccomp, 'lib/profile/json', violation, 'lib/text'],
    pure: true,
  },
  {
    name: 'lib/profile/seccomp/write',
    imports: [errors, model, tables, algebra, libseccomp, 'lib/profile/json', 'lib/profile/seccomp/read'],
    pure: true,
  },
  {
    name: 'lib/profile/seccomp/lint',
    imports: [model, tables, algebra, libseccomp, 'lib/profile/finding.ts', 'lib/text'],
    pure: true,
  },
  {
    name: 'lib/profile/seccomp',
    imports: [
      ...[model, tables, algebra, libseccomp, 'lib/profile/change.ts', 'lib/profile/constraint.ts'],
      ...['lib/profile/seccomp/read', 'lib/profile/seccomp/tables/runtime-defaults', 'lib/profile/seccomp/write'],
    ],
    pure: true,
  },
  {
    name: 'lib/profile/seccomp/summary',
    imports: [model, tables, algebra, libseccomp, 'lib/profile/change.ts', 'lib/profile/seccomp'],
    pure: true,
  },
  { name: 'lib/profile/apparmor/vocabulary.ts', imports: [], pure: true },
  { name: 'lib/profile/apparmor/glob', imports: ['lib/profile/apparmor/vocabulary.ts'], pure: true },
  {
    name: 'lib/profile/apparmor',
    imports: [
      ...[errors, 'lib/profile/apparmor/glob', 'lib/profile/apparmor/vocabulary.ts'],
      ...['lib/profile/change.ts', 'lib/profile/constraint.ts', 'lib/profile/finding.ts'],
      ...['lib/profile/resource-name.ts', violation],
      ...['lib/profile/json', 'lib/text'],
    ],
    pure: true,
  },
  {
    name: 'lib/profile/selinux',
    imports: [
      ...[errors, 'lib/profile/change.ts', 'lib/profile/constraint.ts', 'lib/profile/finding.ts'],
      ...['lib/profile/json', 'lib/text'],
    ],
    pure: true,
  },
  {
    name: 'lib/profile',
    imports: [
      ...[errors, place, ...profileTypes, violation, tables],
      ...['lib/profile/apparmor', 'lib/profile/json', 'lib/profile/seccomp', 'lib/profile/seccomp/lint'],
      ...[model, 'lib/profile/seccomp/read', 'lib/profile/seccomp/write', 'lib/profile/selinux', 'lib/profile/yaml'],
      'lib/text',
    ],
    pure: true,
  },

  {
    name: 'lib/profile/report',
    imports: [errors, 'lib/profile', place, 'lib/profile/change.ts', 'lib/profile/finding.ts', 'lib/profile/json'],
    pure: true,
  },

  {
    name: 'lib/registry',
    imports: [errors, 'lib/concurrency', 'lib/network', 'lib/network/hosts', 'lib/text'],
    packages: ['semver', 'valibot'],
  },
  {
    name: 'lib/registry/credentials',
    imports: [errors, steps, 'lib/files', 'lib/programs', 'lib/registry'],
    packages: ['valibot', 'yaml'],
  },
  {
    name: 'lib/registry/layout',
    imports: [errors, 'lib/files', 'lib/registry', 'lib/text'],
    packages: ['tar-stream', 'valibot'],
  },
  {
    name: 'lib/registry/remote',
    imports: [
      ...[errors, 'lib/concurrency', 'lib/network', 'lib/network/hosts', 'lib/registry'],
      ...['lib/registry/credentials', 'lib/text'],
    ],
    packages: ['valibot'],
  },
  { name: 'lib/artifact', imports: [errors, 'lib/profile/**', 'lib/registry', 'lib/text'] },

  { name: 'lib/trust/keys', imports: [errors], packages: ['@noble/ciphers', 'valibot'] },
  {
    name: 'lib/trust/kms',
    imports: [errors, steps, 'lib/programs', 'lib/text', 'lib/trust/keys'],
    packages: ['valibot'],
  },
  {
    name: 'lib/trust/signature',
    imports: [errors, 'lib/artifact', 'lib/registry', 'lib/text'],
    packages: ['valibot'],
  },
  {
    name: 'lib/trust/signature/legacy',
    imports: [errors, 'lib/artifact', 'lib/registry', 'lib/trust/keys', 'lib/trust/signature', 'lib/text'],
    packages: ['@sigstore/bundle', 'valibot'],
  },
  {
    name: 'lib/trust/signature/read',
    imports: [
      ...[errors, 'lib/registry', 'lib/text', 'lib/trust/keys'],
      ...['lib/trust/signature', 'lib/trust/signature/legacy'],
    ],
    packages: ['@sigstore/bundle'],
  },
  {
    name: 'lib/trust/roots',
    imports: [errors, 'lib/trust/signature', 'lib/trust/signature/read'],
    packages: ['@sigstore/core', '@sigstore/protobuf-specs', '@sigstore/verify', 'valibot'],
  },
  {
    name: 'lib/trust/sigstore',
    imports: [errors, 'lib/files', 'lib/network', 'lib/trust/signature'],
    packages: ['@sigstore/core', '@sigstore/protobuf-specs', '@sigstore/tuf', 'tuf-js', 'valibot'],
  },
  {
    name: 'lib/trust/policy',
    imports: [
      ...[
        errors,
        steps,
        'lib/config',
        'lib/files',
        'lib/profile',
        'lib/profile/constraint.ts',
        'lib/profile/apparmor',
        model,
        'lib/registry',
        'lib/registry/remote',
        'lib/text',
      ],
      ...['lib/trust/keys', 'lib/trust/roots', 'lib/trust/signature', 'lib/trust/sigstore'],
    ],
    packages: ['valibot', 'yaml'],
  },
  {
    name: 'lib/trust/verify/checks',
    imports: [
      ...[errors, 'lib/registry', 'lib/text'],
      ...['lib/trust/keys', 'lib/trust/policy', 'lib/trust/signature', 'lib/trust/signature/read'],
    ],
  },
  {
    name: 'lib/trust/verify/fetch',
    imports: [errors, 'lib/registry', 'lib/trust/signature', 'lib/trust/signature/legacy', 'lib/trust/signature/read'],
  },
  {
    name: 'lib/trust/verify',
    imports: [
      ...[errors, steps, traced, 'lib/profile', 'lib/registry', 'lib/trust/policy', 'lib/trust/signature'],
      ...['lib/trust/signature/read', 'lib/trust/verify/checks', 'lib/trust/verify/fetch'],
    ],
    packages: ['@sigstore/bundle'],
  },
  {
    name: 'lib/trust/sign',
    imports: [
      ...[errors, 'lib/artifact', 'lib/concurrency', 'lib/network', 'lib/registry'],
      ...[
        'lib/trust/keys',
        'lib/trust/policy',
        'lib/trust/roots',
        'lib/trust/signature',
        'lib/trust/signature/legacy',
        'lib/trust/signature/read',
      ],
      ...['lib/trust/sigstore', 'lib/trust/verify'],
    ],
  },

  {
    name: 'lib/node/reference',
    imports: [errors, 'lib/profile/constraint.ts', 'lib/registry', 'lib/text'],
    pure: true,
  },
  {
    name: 'lib/node/store',
    imports: [errors, 'lib/artifact', 'lib/files', 'lib/profile', 'lib/registry', 'lib/trust/signature', 'lib/text'],
    packages: ['valibot'],
  },
  { name: 'lib/node/kernel-log', imports: ['lib/profile/seccomp/tables'] },
  { name: 'lib/node/install/seccomp', imports: ['lib/node/store', 'lib/profile', model] },
  {
    name: 'lib/node/install/apparmor',
    imports: [
      ...[errors, 'lib/concurrency', 'lib/http', 'lib/http/connections', 'lib/profile/apparmor'],
      ...['lib/profile/constraint.ts', 'lib/text'],
    ],
    packages: ['fastify'],
  },
  {
    name: 'lib/node/install',
    imports: [
      ...['lib/node/install/apparmor', 'lib/node/install/seccomp', 'lib/node/store', 'lib/profile'],
      'lib/profile/constraint.ts',
    ],
  },
  {
    name: 'lib/node/pull',
    imports: [
      ...[
        errors,
        'lib/artifact',
        'lib/concurrency',
        'lib/files',
        'lib/profile',
        'lib/profile/constraint.ts',
        'lib/registry',
        'lib/node/store',
      ],
      ...['lib/trust/policy', 'lib/trust/signature', 'lib/trust/verify'],
    ],
    packages: ['lru-cache'],
  },
  {
    name: 'lib/node/find',
    imports: [errors, 'lib/artifact', 'lib/node/pull', 'lib/profile', 'lib/registry', 'lib/text'],
  },

  {
    name: 'lib/catalog',
    imports: [
      ...[errors, 'lib/artifact', 'lib/concurrency', 'lib/node/find', 'lib/node/pull', 'lib/profile/**'],
      ...['lib/registry', 'lib/text'],
      ...['lib/trust/policy', 'lib/trust/sign', 'lib/trust/signature', 'lib/trust/verify'],
    ],
    packages: ['valibot'],
  },

  { name: 'lib/profile/index.ts', imports: ['lib/profile/**'] },
  { name: 'lib/registry/index.ts', imports: [errors, 'lib/network', 'lib/programs', 'lib/registry/**'] },
  { name: 'lib/artifact/index.ts', imports: ['lib/artifact'] },
  { name: 'lib/trust/index.ts', imports: [errors, 'lib/network', 'lib/trust/**'] },
  { name: 'lib/node/index.ts', imports: ['lib/concurrency', 'lib/node/**'] },
];
