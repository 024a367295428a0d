import { errors, type Room, tables } from './room.ts';

/** The rooms of the proxy between kubelet and runtime. */
export const shimRooms: readonly Room[] = [
  {
    name: 'cri-shim/report',
    imports: [
      ...[errors, 'lib/http', 'lib/http/connections', 'lib/profile/constraint.ts', 'lib/text'],
      'lib/trust/signature',
    ],
    packages: ['pino', 'prom-client'],
  },
  { name: 'cri-shim/readiness', imports: [errors, 'cri-shim/report', 'lib/cri', 'lib/trust/policy'] },
  { name: 'cri-shim/service-manager', imports: [errors, 'cri-shim/report'] },
  {
    name: 'cri-shim/proxy',
    imports: [errors, 'lib/concurrency', 'lib/cri', 'lib/files', 'lib/http', 'lib/text'],
  },
  {
    name: 'cri-shim/request',
    imports: [
      ...[errors, 'lib/cri/gen', 'lib/node/install', 'lib/node/install/apparmor', 'lib/node/reference'],
      ...['lib/profile/constraint.ts', 'lib/registry', 'lib/text'],
    ],
    packages: ['@bufbuild/protobuf'],
  },
  {
    name: 'cri-shim/baseline',
    imports: [
      ...[errors, 'cri-shim/report', 'lib/cri', 'lib/cri/gen', 'lib/profile', 'lib/profile/json'],
      ...['lib/profile/seccomp/**'],
    ],
    packages: ['lru-cache', 'valibot'],
  },
  {
    name: 'cri-shim/housekeeping',
    imports: [
      ...[errors, 'cri-shim/report', 'lib/cri', 'lib/cri/gen', 'lib/files', 'lib/node/install/apparmor'],
      ...['lib/node/store', 'lib/registry', 'lib/text'],
    ],
  },
  {
    name: 'cri-shim/apply',
    imports: [
      ...[errors, 'cri-shim/baseline', 'cri-shim/housekeeping', 'cri-shim/report', 'cri-shim/request'],
      ...['lib/files', 'lib/node/**', 'lib/profile/**', 'lib/registry/**', 'lib/trust/policy'],
    ],
    packages: ['lru-cache'],
  },
  {
    name: 'cri-shim/calls',
    imports: [
      ...[errors, 'cri-shim/apply', 'cri-shim/baseline', 'cri-shim/housekeeping', 'cri-shim/proxy', 'cri-shim/request'],
      ...['cri-shim/report', 'lib/artifact', 'lib/cri', 'lib/cri/gen', 'lib/node/install', 'lib/node/reference'],
      ...['lib/node/store', 'lib/registry', 'lib/text', 'lib/trust/policy'],
    ],
    packages: ['@bufbuild/protobuf'],
  },
  {
    name: 'cri-shim/admin',
    imports: [
      ...[errors, 'cri-shim/apply', 'cri-shim/housekeeping', 'cri-shim/proxy', 'cri-shim/readiness', 'cri-shim/report'],
      ...[
        'lib/cri',
        'lib/cri/gen',
        'lib/node/install',
        'lib/node/store',
        'lib/registry',
        'lib/text',
        'lib/trust/policy',
      ],
    ],
  },
  {
    name: 'cri-shim',
    imports: ['cri-shim/**', errors, 'lib/cri', 'lib/files', 'lib/http', 'lib/node/**', tables, 'lib/trust/policy'],
  },
];
