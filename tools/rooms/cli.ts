import { errors, type Room, steps } from './room.ts';

/** The rooms of the command-line program. */
export const cliRooms: readonly Room[] = [
  {
    name: 'cli/files',
    imports: [errors, 'lib/files', 'lib/profile', 'lib/registry', 'lib/registry/layout', 'lib/trust/policy'],
  },
  {
    name: 'cli/project',
    imports: [errors, 'cli/files', 'lib/config', 'lib/profile', 'lib/registry'],
    packages: ['valibot'],
  },
  { name: 'cli/documents', imports: [], packages: ['valibot'], pure: true },
  {
    name: 'cli/terminal',
    imports: [errors, 'cli/documents', 'cli/files', 'lib/profile/report', 'lib/registry', 'lib/text'],
  },
  {
    name: 'cli/process',
    imports: [errors, 'cli/terminal', 'lib/files', 'lib/profile/report', 'lib/text'],
    packages: ['pino'],
  },
  {
    name: 'cli/options',
    imports: [
      ...[
        errors,
        steps,
        'cli/files',
        'cli/terminal',
        'lib/network',
        'lib/node/pull',
        'lib/profile/**',
        'lib/registry/**',
        'lib/text',
        'lib/trust/**',
      ],
    ],
    packages: ['commander'],
  },
  {
    name: 'cli/explain',
    imports: [
      ...[
        errors,
        'cli/documents',
        'cli/options',
        'cli/terminal',
        'lib/artifact',
        'lib/node/pull',
        'lib/profile/**',
        'lib/registry',
      ],
      ...['lib/trust/policy', 'lib/trust/signature', 'lib/trust/verify'],
    ],
  },
  {
    name: 'cli/publish',
    imports: [
      ...[errors, 'cli/documents', 'cli/files', 'cli/options', 'cli/project', 'cli/terminal'],
      ...['lib/network', 'lib/profile/**', 'lib/registry', 'lib/registry/remote', 'lib/text', 'services/push'],
      ...['lib/trust/policy', 'lib/trust/sign', 'lib/trust/signature'],
    ],
    packages: ['valibot'],
  },
  {
    name: 'cli/compare',
    imports: [
      ...[errors, 'cli/documents', 'cli/files', 'cli/options', 'cli/process', 'cli/project', 'cli/terminal'],
      'lib/profile/**',
    ],
  },
  {
    name: 'cli/serve',
    imports: [
      ...['cli/files', 'cli/options', 'cli/project', errors, 'lib/catalog', 'lib/http', 'lib/network'],
      ...['lib/node/pull', 'lib/profile', 'lib/registry', 'lib/registry/layout', 'lib/telemetry', 'lib/trust/**'],
      'services/**',
    ],
    packages: ['fastify', 'pino'],
  },
  {
    name: 'cli/quickstart',
    imports: [
      ...['cli/files', 'cli/options', 'cli/process', 'cli/terminal', 'cri-shim', 'cri-shim/proxy', errors],
      'lib/artifact',
      ...['lib/cri/**', 'lib/node/**', 'lib/profile/**', 'lib/registry/**', 'lib/trust/**', 'services/push'],
    ],
    packages: ['@bufbuild/protobuf', 'pino', 'tar-stream'],
  },
  {
    name: 'cli/cluster',
    imports: ['cli/terminal', errors, 'lib/kube', 'operator/coverage', 'operator/kube'],
    packages: ['commander'],
  },
  {
    name: 'cli/node',
    imports: [
      ...[errors, 'cri-shim', 'cri-shim/admin', 'cri-shim/baseline', 'cri-shim/proxy', 'lib/cri', 'lib/files'],
      ...['lib/node/install/apparmor', 'lib/node/kernel-log', 'lib/node/store', 'lib/profile/seccomp/tables'],
      'lib/trust/policy',
      'cli/terminal',
    ],
    packages: ['commander', 'yaml'],
  },
  {
    name: 'cli/inspect',
    imports: [
      ...[errors, 'cli/documents', 'cli/options', 'cli/terminal', 'lib/registry'],
      ...['lib/trust/signature', 'lib/trust/verify'],
    ],
  },
  {
    name: 'cli/catalogs',
    imports: [
      ...[errors, 'cli/documents', 'cli/files', 'cli/options', 'cli/terminal', 'lib/catalog', 'lib/config'],
      ...['lib/node/pull', 'lib/profile/**', 'lib/registry', 'lib/text'],
    ],
    packages: ['commander', 'valibot'],
  },
  { name: 'cli/migrate', imports: [errors, 'cli/files', 'operator/migrate'] },
  { name: 'cli/definitions', imports: [], packages: ['commander'] },
  {
    name: 'cli/commands',
    imports: [
      ...[
        'cli/catalogs',
        'cli/cluster',
        'cli/compare',
        'cli/definitions',
        'cli/documents',
        'cli/explain',
        'cli/files',
        'cli/inspect',
        'cli/migrate',
        'cli/node',
        'cli/options',
        'cli/process',
        'cli/project',
        'cli/publish',
        'cli/quickstart',
        'cli/serve',
        'cli/terminal',
      ],
      ...[
        'cri-shim',
        'cri-shim/admin',
        'cri-shim/housekeeping',
        'cri-shim/proxy',
        errors,
        'lib/artifact',
        'lib/catalog',
        'lib/concurrency',
        'lib/config',
        'lib/http',
        'lib/network',
        'lib/node/**',
        'lib/profile/**',
      ],
      ...[
        'lib/registry/**',
        'lib/text',
        'lib/trust/**',
        'operator/bind',
        'operator/coverage',
        'operator/manifests',
        'operator/migrate',
        'operator/node-decisions',
        'operator/run',
        'services/**',
      ],
    ],
    packages: ['commander'],
  },
  { name: 'cli/reporting', imports: [steps, 'cli/options', 'cli/terminal', 'lib/network'], packages: ['commander'] },
  { name: 'cli/usage', imports: [errors, 'lib/text'], packages: ['commander'] },
  {
    name: 'cli',
    imports: ['cli/commands', 'cli/options', 'cli/process', 'cli/reporting', 'cli/terminal', 'cli/usage', errors],
    packages: ['commander'],
  },
];
