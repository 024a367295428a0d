import { absent, type Constraint } from './constraint.ts';

/** The constraints that a schema has only as a rule of CEL, or that CEL has in words. */
export const wordedConstraints: readonly Constraint[] = [
  {
    kind: 'SeccompProfile',
    path: 'spec.listenerPath',
    good: ['/var/run/security-profiles-operator/...'],
    bad: [
      '/run/agent.sock',
      '/var/run/security-profiles-operator/..',
      '/var/run/security-profiles-operator/.',
      '/var/run/security-profiles-operator/a b',
    ],
    says: /listenerPath must be the path of a socket directly in \/var\/run\/security-profiles-operator/,
    cel: true,
  },
  {
    kind: 'ProfileBinding',
    path: 'spec.profileRef.name',
    good: ['nginx', 'a.b-c.1'],
    bad: ['Nginx', 'a_b', '-a', 'a.', 'ns/a'],
    says: /profileRef\.name must be the name of an object/,
    cel: true,
  },
  ...(['v1', 'older'] as const).flatMap((version): Constraint[] => {
    const [bpf, logs] = version === 'v1' ? ['Bpf', 'Logs'] : ['bpf', 'logs'];
    const recording = (kind: string, recorder: string | undefined) => ({ kind, recorder, podSelector: {} });
    return [
      {
        kind: 'ProfileRecording',
        path: 'spec',
        version,
        good: [recording('SelinuxProfile', logs), recording('SeccompProfile', logs), recording('SeccompProfile', bpf)],
        bad: [recording('SelinuxProfile', bpf)],
        says: new RegExp(`recorder must be ${logs} for a SelinuxProfile`),
        cel: true,
      },
      {
        kind: 'ProfileRecording',
        path: 'spec',
        version,
        good: [recording('AppArmorProfile', bpf)],
        bad: ['AppArmorProfile', ...(version === 'older' ? ['ApparmorProfile'] : [])].map((kind) =>
          recording(kind, logs),
        ),
        says: new RegExp(`recorder must be ${bpf} for an AppArmorProfile`),
        cel: true,
      },
    ];
  }),
  {
    kind: 'SecurityProfilesOperatorDaemon',
    path: 'spec.hostProcVolumePath',
    good: ['/proc', '/proc/host', '/proc/..a'],
    bad: ['/etc', '/procs', '/proc/../etc', '/proc/..'],
    says: /hostProcVolumePath must be \/proc or a path below it, without "\.\."/,
    cel: true,
  },
  {
    kind: 'SecurityProfilesOperatorDaemon',
    path: 'spec.selinux.customTemplatesConfigMap',
    good: ['templates', 'a.b'],
    bad: ['Templates', 'a_b', ''],
    says: /customTemplatesConfigMap must be the name of a ConfigMap/,
    cel: true,
  },
  {
    kind: 'SecurityProfilesOperatorDaemon',
    path: 'spec.webhook.options.0.failurePolicy',
    good: ['Fail', 'Ignore', absent],
    bad: ['fail', ''],
    says: /failurePolicy must be Fail or Ignore/,
    cel: true,
  },
  {
    kind: 'SecurityProfilesOperatorDaemon',
    path: 'spec.security',
    good: [
      { allowedSyscalls: ['read'], allowedSeccompActions: ['SCMP_ACT_LOG', 'SCMP_ACT_NOTIFY'] },
      { allowedSyscalls: [], allowedSeccompActions: ['SCMP_ACT_ERRNO'] },
      { allowedSeccompActions: ['SCMP_ACT_ERRNO'] },
    ],
    bad: [{ allowedSyscalls: ['read'], allowedSeccompActions: ['SCMP_ACT_LOG', 'SCMP_ACT_ERRNO'] }],
    says: /allowedSeccompActions may have only SCMP_ACT_ALLOW, SCMP_ACT_LOG, SCMP_ACT_TRACE, SCMP_ACT_NOTIFY/,
    cel: true,
  },
  {
    kind: 'SecurityProfilesOperatorDaemon',
    path: 'spec',
    version: 'older',
    good: [{ allowedSyscalls: ['read'], allowedSeccompActions: ['SCMP_ACT_LOG'] }],
    bad: [{ allowedSyscalls: ['read'], allowedSeccompActions: ['SCMP_ACT_TRAP'] }],
    says: /allowedSeccompActions may have only/,
    cel: true,
  },
  {
    kind: 'SecurityProfileNodeStatus',
    path: 'spec',
    version: 'older',
    good: [],
    bad: [absent],
    says: /spec\.nodeName is required/,
    cel: true,
  },
];
