import {
  absent,
  actions,
  type Constraint,
  condition,
  duplicate,
  empty,
  least,
  matching,
  required,
  states,
  unsupported,
} from './constraint.ts';

const boolean = /must be of type boolean/;
const selector = (operator: string) => ({ matchExpressions: [{ key: 'app', operator, values: ['a'] }] });

const ofBindings = (
  [
    ['spec', [], [absent], required],
    ['spec.profileRef', [], [absent], required],
    [
      'spec.profileRef.kind',
      ['SeccompProfile', 'SelinuxProfile', 'AppArmorProfile'],
      ['RawSelinuxProfile'],
      unsupported,
    ],
    ['spec.profileRef.kind', [], [absent], required],
    ['spec.profileRef.name', ['nginx'], [''], empty],
    ['spec.profileRef.name', [], [absent], required],
    ['spec.image', ['*', 'nginx'], [''], empty],
    ['spec.image', [], [absent], required],
    ['status.activeWorkloads', [['web/a']], [['web/a', 'web/a']], duplicate],
  ] as const
).map(([path, good, bad, says]): Constraint => ({ kind: 'ProfileBinding', path, good, bad, says }));

const ofRecordings = (
  [
    ['spec', [], [absent], required],
    ['spec.kind', [], ['RawSelinuxProfile'], unsupported],
    ['spec.kind', [], [absent], required],
    ['spec.recorder', [], ['Ebpf', ''], unsupported],
    ['spec.recorder', [], [absent], required],
    ['spec.mergeStrategy', [absent], ['All', ''], unsupported],
    ['spec.containers', [[], ['a', 'b']], [['a', 'a']], duplicate],
    ['spec.disableProfileAfterRecording', [true, false], ['yes'], boolean],
    ['spec.podSelector', [{}, { matchLabels: { constructor: 'x' } }], [absent], required],
    [
      'spec.podSelector.matchExpressions',
      [
        ['In', 'NotIn'].map((operator) => ({ key: 'app', operator, values: ['a'] })),
        ['Exists', 'DoesNotExist'].map((operator) => ({ key: 'example.com/app', operator })),
      ],
      [[{ key: 'app', operator: 'Is' }]],
      unsupported,
    ],
    ['spec.podSelector.matchExpressions.0.key', [], [absent], required],
    ['status.activeWorkloads', [['web/a']], [['web/a', 'web/a']], duplicate],
  ] as const
).map(([path, good, bad, says]): Constraint => ({ kind: 'ProfileRecording', path, good, bad, says }));

const ofVersions: Constraint[] = [
  {
    kind: 'ProfileBinding',
    version: 'v1',
    path: 'spec.podSelector',
    good: [{}],
    bad: [selector('Is')],
    says: unsupported,
  },
  ...(
    [
      ['v1', 'Bpf', 'Logs', 'None', 'Containers'],
      ['older', 'bpf', 'logs', 'none', 'containers'],
    ] as const
  ).flatMap(([version, bpf, logs, none, containers]): Constraint[] => [
    { kind: 'ProfileRecording', version, path: 'spec.recorder', good: [bpf, logs], bad: [], says: unsupported },
    {
      kind: 'ProfileRecording',
      version,
      path: 'spec.mergeStrategy',
      good: [none, containers],
      bad: [version === 'v1' ? 'none' : 'None'],
      says: unsupported,
    },
  ]),
  {
    kind: 'SecurityProfilesOperatorDaemon',
    version: 'v1',
    path: 'spec.enricher.logEnricherSource',
    good: ['Auditd', 'Bpf'],
    bad: ['auditd', ''],
    says: unsupported,
  },
  {
    kind: 'SecurityProfilesOperatorDaemon',
    version: 'older',
    path: 'spec.enricher.logEnricherSource',
    good: ['auditd', 'bpf'],
    bad: ['Auditd'],
    says: unsupported,
  },
  {
    kind: 'SecurityProfilesOperatorDaemon',
    version: 'v1',
    path: 'status.state',
    good: ['Pending', 'Creating', 'Updating', 'Running', 'Error'],
    bad: ['RUNNING'],
    says: unsupported,
  },
  {
    kind: 'SecurityProfilesOperatorDaemon',
    version: 'older',
    path: 'status.state',
    good: ['PENDING', 'CREATING', 'UPDATING', 'RUNNING', 'ERROR'],
    bad: ['Running'],
    says: unsupported,
  },
  ...['allowedTypes', 'allowedClasses', 'allowedPermissions', 'deniedTypes', 'deniedClasses', 'deniedPermissions'].map(
    (name): Constraint => ({
      kind: 'SecurityProfilesOperatorDaemon',
      version: 'v1',
      path: `spec.selinux.options.${name}`,
      good: [['a', 'b']],
      bad: [['a', 'a']],
      says: duplicate,
    }),
  ),
  ...['allowedIdentityRegexp', 'allowedOidcIssuerRegexp'].map(
    (name): Constraint => ({
      kind: 'SecurityProfilesOperatorDaemon',
      version: 'v1',
      path: `spec.security.${name}`,
      good: ['.*', absent],
      bad: [1],
      says: /must be of type string/,
    }),
  ),
  {
    kind: 'SecurityProfileNodeStatus',
    version: 'v1',
    path: 'spec',
    good: [],
    bad: [absent],
    says: required,
  },
];

const ofDaemon = (
  [
    ['spec', [{}, absent], ['x'], /must be of type object/],
    ['spec.verbosity', [0, 2], [-1], least],
    ...['enableProfiling', 'enableMemoryOptimization', 'enableInsecureMetricsAccess', 'enableAppArmor'].map(
      (name) => [`spec.${name}`, [true, false], ['yes'], boolean] as const,
    ),
    ['spec.hostProcVolumePath', ['/proc', '/proc/host'], ['/procs', 'proc'], matching],
    ['spec.imagePullSecrets', [[{ name: 'a' }, { name: 'b' }]], [[{ name: 'a' }, { name: 'a' }]], duplicate],
    ['spec.imagePullSecrets', [], [[{}]], required],
    ['spec.daemonResourceRequirements.limits.memory', ['128Mi', 1, '1.5e3', '-1'], ['128 MB', '', 'x'], matching],
    ['spec.daemonResourceRequirements.requests.cpu', ['250m', 2], ['1x'], matching],
    ['spec.selinux.enable', [true, false, absent], ['yes'], boolean],
    ['spec.selinux.enableRawSelinuxProfiles', [true, false, absent], ['yes'], boolean],
    ['spec.selinux.options.allowedSystemProfiles', [['container', 'net_container']], [['a', 'a']], duplicate],
    [
      'spec.selinux.customTemplatesConfigMap',
      ['a'.repeat(253)],
      ['a'.repeat(254)],
      /at most 253|longer than 253|than 253 bytes/,
    ],
    ['spec.selinux.customTemplatesConfigMap', ['a.b-c'], ['A', 'a_b', '-a', ''], matching],
    ...['enableLogEnricher', 'enableJsonEnricher', 'enableBpfRecorder'].map(
      (name) => [`spec.enricher.${name}`, [true, false], ['yes'], boolean] as const,
    ),
    ['spec.enricher.jsonEnricherOptions.auditLogIntervalSeconds', [1], [0], least],
    ['spec.enricher.jsonEnricherOptions.auditLogMaxSize', [1], [0], least],
    ['spec.enricher.jsonEnricherOptions.auditLogMaxBackups', [0], [-1], least],
    ['spec.enricher.jsonEnricherOptions.auditLogMaxAge', [0], [-1], least],
    ['spec.webhook.staticConfig', [true, false], ['yes'], boolean],
    ['spec.webhook.options', [[{ name: 'a' }, { name: 'b' }]], [[{ name: 'a' }, { name: 'a' }]], duplicate],
    ['spec.webhook.options.0.name', ['a'], [''], empty],
    ['spec.webhook.options.0.namespaceSelector', [selector('In')], [selector('Is')], unsupported],
    ['spec.webhook.options.0.objectSelector', [selector('NotIn')], [selector('Is')], unsupported],
    ['spec.scheduling.tolerations', [[{ operator: 'Exists', tolerationSeconds: -1 }]], ['x'], /must be of type array/],
    [
      'spec.scheduling.affinity',
      [
        {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [{ matchExpressions: [{ key: 'a', operator: 'Gt', values: ['1'] }] }],
            },
          },
          podAntiAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [
              { weight: 1, podAffinityTerm: { topologyKey: 'kubernetes.io/hostname', labelSelector: selector('In') } },
            ],
          },
        },
      ],
      [{ podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{}] } }],
      required,
    ],
    ['spec.scheduling.priorityClassName', ['high', absent], [1], /must be of type string/],
    ['spec.security.allowedSyscalls', [['read', 'write']], [['read', 'read']], duplicate],
    ['spec.security.allowedSeccompActions', [actions, ['SCMP_ACT_LOG', 'SCMP_ACT_LOG']], [['LOG']], unsupported],
    ['spec.security.disableOciArtifactSignatureVerification', [true, false], ['yes'], boolean],
    ['status.conditions', [[condition]], [[condition, condition]], duplicate],
  ] as const
).map(([path, good, bad, says]): Constraint => ({ kind: 'SecurityProfilesOperatorDaemon', path, good, bad, says }));

const ofNodes = (
  [
    ['spec.nodeName', ['node-1.example.com'], [''], empty],
    ['spec.nodeName', [], [absent], required],
    ['status.status', states, ['installed'], unsupported],
  ] as const
).map(([path, good, bad, says]): Constraint => ({ kind: 'SecurityProfileNodeStatus', path, good, bad, says }));

/** The constraints of bindings, recordings, node statuses and the operator's settings. */
export const settingConstraints: readonly Constraint[] = [
  ...ofBindings,
  ...ofRecordings,
  ...ofVersions,
  ...ofDaemon,
  ...ofNodes,
];
