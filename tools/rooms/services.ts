import { errors, type Room, tables, traced } from './room.ts';

/** The rooms of the services for publishing and pulling. */
export const servicesRooms: readonly Room[] = [
  { name: 'services', imports: ['lib/http', 'lib/trust/policy'] },
  {
    name: 'services/callers',
    imports: [errors, 'lib/config', 'lib/files', 'lib/network', 'lib/profile', 'lib/registry', 'lib/trust/policy'],
    packages: ['fastify', 'jose', 'valibot'],
  },
  {
    name: 'services/push',
    imports: [
      ...[
        errors,
        'lib/artifact',
        'lib/files',
        'lib/http',
        'lib/node/find',
        'lib/node/pull',
        'lib/profile',
        'lib/profile/change.ts',
      ],
      ...['lib/profile/finding.ts', tables, 'lib/registry', 'lib/text', 'services', 'services/callers', traced],
      ...['lib/trust/policy', 'lib/trust/sign', 'lib/trust/signature', 'lib/trust/verify'],
    ],
    packages: ['@fastify/multipart', 'fastify', 'prom-client'],
  },
  {
    name: 'services/pull/verified',
    imports: [
      ...[errors, 'lib/artifact', 'lib/concurrency', 'lib/node/find', 'lib/node/pull', 'lib/profile'],
      ...['lib/registry', 'lib/trust/policy', 'lib/trust/signature', 'lib/trust/verify'],
    ],
    packages: ['lru-cache'],
  },
  {
    name: 'services/pull/catalogs.ts',
    imports: [errors, 'lib/catalog', 'lib/registry', 'lib/trust/policy'],
    packages: ['pino'],
  },
  { name: 'services/pull/pages/style', imports: [] },
  { name: 'services/pull/pages/components', imports: ['lib/catalog'], packages: ['hono'], pure: true },
  {
    name: 'services/pull/pages/site',
    imports: [
      ...[errors, 'lib/catalog', 'lib/concurrency', 'lib/http', 'lib/profile/seccomp/model.ts'],
      ...['lib/trust/policy', 'services/pull/catalogs.ts', 'services/pull/pages/components'],
      ...['services', 'services/pull/pages/style', 'services/pull/verified'],
    ],
    packages: ['fastify'],
  },
  {
    name: 'services/pull/pages/catalog',
    imports: [
      ...[errors, 'lib/catalog', 'lib/profile'],
      ...['services/pull/pages/components', 'services/pull/pages/site', 'services/pull/verified'],
    ],
    packages: ['fastify'],
  },
  {
    name: 'services/pull/pages/checks',
    imports: [
      ...[errors, 'lib/http', 'lib/profile', 'lib/registry', 'lib/trust/policy', 'lib/trust/signature'],
      'services/pull/verified',
    ],
  },
  {
    name: 'services/pull/pages/images',
    imports: [
      ...['lib/catalog', 'services/pull/pages/catalog', 'services/pull/pages/components'],
      'services/pull/pages/site',
    ],
    packages: ['fastify'],
  },
  {
    name: 'services/pull/pages/playground',
    imports: [
      ...[errors, 'lib/profile', 'lib/profile/apparmor', 'lib/profile/change.ts', 'lib/profile/finding.ts'],
      ...['lib/profile/seccomp', 'lib/profile/seccomp/model.ts', 'lib/profile/seccomp/summary', tables],
      ...['services/pull/pages/components', 'services/pull/pages/site'],
    ],
    packages: ['fastify'],
  },
  {
    name: 'services/pull/pages/api-reference',
    imports: ['services/pull/pages/components', 'services/pull/pages/site'],
    packages: ['fastify'],
  },
  {
    name: 'services/pull/pages/profile',
    imports: [
      ...[errors, 'lib/artifact', 'lib/catalog', 'lib/http', 'lib/node/reference', 'lib/profile/**', 'lib/registry'],
      ...['lib/trust/signature', 'services/pull/catalogs.ts', 'services/pull/pages/checks'],
      ...['services/pull/pages/components', 'services/pull/pages/site', 'services/pull/verified'],
    ],
    packages: ['fastify', 'yaml'],
  },
  {
    name: 'services/pull/pages/image',
    imports: [
      ...[errors, 'lib/catalog', 'lib/http', 'lib/node/find', 'lib/registry'],
      ...['services/pull/catalogs.ts', 'services/pull/pages/checks', 'services/pull/pages/components'],
      ...['services/pull/pages/site', 'services/pull/verified'],
    ],
    packages: ['fastify'],
  },
  {
    name: 'services/pull/pages/why',
    imports: [
      ...[errors, 'lib/http', 'lib/profile', 'lib/registry', 'lib/trust/policy', 'lib/trust/signature'],
      ...['lib/trust/verify', 'services/pull/pages/checks', 'services/pull/pages/components'],
      ...['services/pull/pages/site', 'services/pull/verified'],
    ],
    packages: ['fastify', 'yaml'],
  },
  {
    name: 'services/pull/pages',
    imports: [
      ...['lib/http', 'services/pull/pages/api-reference', 'services/pull/pages/catalog'],
      ...['services/pull/pages/image', 'services/pull/pages/images', 'services/pull/pages/playground'],
      ...['services/pull/pages/profile', 'services/pull/pages/site', 'services/pull/pages/style'],
      'services/pull/pages/why',
    ],
    packages: ['fastify', 'fastify-plugin'],
  },
  {
    name: 'services/pull/readers',
    imports: ['lib/profile', 'lib/registry', 'services/callers'],
  },
  {
    name: 'services/pull/api',
    imports: [
      ...[errors, 'lib/catalog', 'lib/http', 'lib/profile', 'lib/profile/apparmor', 'lib/profile/seccomp'],
      ...['lib/profile/seccomp/model.ts', tables, 'lib/registry'],
      ...['lib/trust/policy', 'lib/trust/verify', 'services/callers', 'services/pull/catalogs.ts'],
      ...['services/pull/readers', 'services/pull/verified'],
    ],
    packages: ['fastify', 'lru-cache'],
  },
  {
    name: 'services/pull/mirror',
    imports: [
      ...[errors, 'lib/artifact', 'lib/catalog', 'lib/http', 'lib/node/pull', 'lib/registry', 'lib/text'],
      ...['lib/trust/policy', 'lib/trust/signature', 'services/callers', 'services/pull/catalogs.ts'],
      ...['services/pull/readers', 'services/pull/verified'],
    ],
    packages: ['fastify', 'lru-cache'],
  },
  {
    name: 'services/pull',
    imports: [
      ...['lib/http', 'lib/profile/seccomp', 'lib/registry', 'lib/trust/policy', 'services'],
      ...['services/callers', 'services/pull/api', 'services/pull/catalogs.ts', 'services/pull/mirror'],
      ...['services/pull/pages', 'services/pull/readers', 'services/pull/verified'],
    ],
    packages: ['fastify'],
  },
];
