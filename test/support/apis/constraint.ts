import type { Document } from './served-apis.ts';

/** A value that removes the field. */
export const absent = Symbol('absent');

/** What one field must be, with values that are and values that are not. */
export interface Constraint {
  readonly kind: string;
  /** `spec.syscalls.0.action` */
  readonly path: string;
  readonly good: readonly unknown[];
  readonly bad: readonly unknown[];
  /** What the API server says of each bad value. */
  readonly says: RegExp;
  /** Set if the API server knows it only from a rule of CEL. */
  readonly cel?: true;
  /** By default both. */
  readonly version?: 'v1' | 'older';
}

/** A valid object of each kind, in each version, with all lists that the constraints are about. */
export const bases: Readonly<Record<string, (version: 'v1' | 'older') => Document>> = {
  SeccompProfile: () => ({
    spec: {
      defaultAction: 'SCMP_ACT_ERRNO',
      syscalls: [
        {
          names: ['read'],
          action: 'SCMP_ACT_ALLOW',
          args: [{ index: 0, value: 1, valueTwo: 2, op: 'SCMP_CMP_MASKED_EQ' }],
        },
      ],
    },
  }),
  SelinuxProfile: () => ({ spec: { inherit: [{ name: 'container' }], allow: { var_log_t: { dir: ['open'] } } } }),
  RawSelinuxProfile: () => ({ spec: { policy: '(allow process var_log_t (dir (open)))' } }),
  AppArmorProfile: () => ({ spec: { abstract: { executable: {}, filesystem: {}, network: {}, capability: {} } } }),
  ProfileBinding: () => ({
    spec: { profileRef: { kind: 'SeccompProfile', name: 'nginx' }, image: 'nginx:1.27', podSelector: {} },
  }),
  ProfileRecording: (version) => ({
    spec: {
      kind: 'SeccompProfile',
      recorder: version === 'v1' ? 'Bpf' : 'bpf',
      podSelector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['nginx'] }] },
    },
  }),
  SecurityProfilesOperatorDaemon: () => ({
    spec: {
      selinux: {},
      enricher: { jsonEnricherOptions: {} },
      webhook: { options: [{ name: 'binding.spo.io' }] },
      scheduling: {},
      security: {},
      daemonResourceRequirements: { limits: { memory: '128Mi' }, requests: { cpu: 1 } },
    },
  }),
  SecurityProfileNodeStatus: () => ({ spec: { nodeName: 'node-1' } }),
};

/** What API servers say, in the words of all of their versions. */
export const unsupported = /Unsupported value|should be one of/;
export const required = /Required value|is required/;
export const least = /greater than or equal to|at least/;
export const empty = /at least 1 char/;
export const duplicate = /Duplicate value/;
export const matching = /should match/;

export const actions = ['KILL', 'KILL_PROCESS', 'KILL_THREAD', 'TRAP', 'ERRNO', 'TRACE', 'ALLOW', 'LOG', 'NOTIFY'].map(
  (name) => `SCMP_ACT_${name}`,
);
export const states = ['Partial', 'Disabled', 'Pending', 'InProgress', 'Installed', 'Terminating', 'Error'];
export const condition = {
  type: 'Ready',
  status: 'True',
  lastTransitionTime: '2026-01-01T00:00:00Z',
  reason: 'Available',
  message: 'The profile is installed.',
};
