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

const architectures = [
  ...['NATIVE', 'X86', 'X86_64', 'X32', 'ARM', 'AARCH64', 'MIPS', 'MIPS64', 'MIPS64N32', 'MIPSEL', 'MIPSEL64'],
  ...['MIPSEL64N32', 'PPC', 'PPC64', 'PPC64LE', 'S390', 'S390X', 'PARISC', 'PARISC64', 'RISCV64'],
].map((name) => `SCMP_ARCH_${name}`);
const flags = ['TSYNC', 'LOG', 'SPEC_ALLOW', 'WAIT_KILLABLE_RECV'].map((name) => `SECCOMP_FILTER_FLAG_${name}`);
const comparisons = ['NE', 'LT', 'LE', 'EQ', 'GE', 'GT', 'MASKED_EQ'].map((name) => `SCMP_CMP_${name}`);
const conditions = (changed: object) => [{ ...condition, ...changed }];
const argument = { index: 0, op: 'SCMP_CMP_EQ' };

const profileKinds = ['SeccompProfile', 'SelinuxProfile', 'RawSelinuxProfile', 'AppArmorProfile'];

const ofProfiles = profileKinds.flatMap((kind): Constraint[] => [
  { kind, path: 'spec.state', good: ['Enabled', 'Disabled', absent], bad: ['enabled', ''], says: unsupported },
  { kind, path: 'status.status', good: states, bad: ['Running'], says: unsupported },
  {
    kind,
    path: 'status.conditions',
    good: [[condition, { ...condition, type: 'NotSupported' }], conditions({ observedGeneration: 1 })],
    bad: [[condition, condition]],
    says: duplicate,
  },
  { kind, path: 'status.conditions', good: [], bad: [conditions({ status: 'Yes' })], says: unsupported },
  { kind, path: 'status.conditions', good: [], bad: [[{ type: 'Ready' }]], says: required },
  {
    kind,
    path: 'status.conditions',
    good: [],
    bad: [conditions({ reason: '' })],
    says: /at least 1 char|should match/,
  },
  { kind, path: 'status.conditions', good: [], bad: [conditions({ reason: 'two words' })], says: matching },
]);

const ofSeccomp = (
  [
    ['spec', [], [absent], required],
    ['spec.defaultAction', actions, ['ALLOW', 'SCMP_ACT_KILL_ALL'], unsupported],
    ['spec.defaultAction', [], [absent], required],
    ['spec.architectures', [[], architectures], [['amd64']], unsupported],
    ['spec.architectures', [], [['SCMP_ARCH_X86', 'SCMP_ARCH_X86']], duplicate],
    ['spec.flags', [flags], [['TSYNC']], unsupported],
    ['spec.flags', [], [[flags[0], flags[0]]], duplicate],
    [
      'spec.listenerPath',
      ['/var/run/security-profiles-operator/agent_1-a.sock'],
      ['/run/agent.sock', '/var/run/security-profiles-operator/', '/var/run/security-profiles-operator/a/b'],
      matching,
    ],
    ['spec.syscalls', [[], absent], ['read'], /must be of type array|Invalid value/],
    ['spec.syscalls.0.names', [['read', 'write']], [[]], /at least 1 item/],
    ['spec.syscalls.0.names', [], [absent], required],
    ['spec.syscalls.0.names', [], [['read', 'read']], duplicate],
    ['spec.syscalls.0.action', actions, ['allow'], unsupported],
    ['spec.syscalls.0.action', [], [absent], required],
    ['spec.syscalls.0.errnoRet', [0, 1, 2 ** 31 - 1], [-1], least],
    ['spec.syscalls.0.args', [[], Array(6).fill(argument)], [Array(7).fill(argument)], /at most 6 items/],
    ['spec.syscalls.0.args.0.index', [0, 5], [-1], least],
    ['spec.syscalls.0.args.0.index', [], [absent], required],
    ['spec.syscalls.0.args.0.op', comparisons, ['EQ'], unsupported],
    ['spec.syscalls.0.args.0.op', [], [absent], required],
    ['spec.syscalls.0.args.0.value', [0, 2 ** 53 - 1, absent], [-1], least],
    ['spec.syscalls.0.args.0.valueTwo', [0, 2 ** 53 - 1, absent], [-1], least],
    ['status.activeWorkloads', [['web/a', 'web/b']], [['web/a', 'web/a']], duplicate],
  ] as const
).map(([path, good, bad, says]): Constraint => ({ kind: 'SeccompProfile', path, good, bad, says }));

const sets = [
  ...['executable.allowedExecutables', 'executable.allowedLibraries', 'filesystem.readOnlyPaths'],
  ...['filesystem.writeOnlyPaths', 'filesystem.readWritePaths', 'capability.allowedCapabilities'],
];

const ofModes: Constraint[] = [
  { kind: 'SelinuxProfile', path: 'spec.mode', good: ['Enforcing', 'Permissive'], bad: ['Enforce'], says: unsupported },
  {
    kind: 'SelinuxProfile',
    path: 'spec.inherit.0.kind',
    good: ['System', 'SelinuxProfile', absent],
    bad: ['RawSelinuxProfile'],
    says: unsupported,
  },
  { kind: 'SelinuxProfile', path: 'spec.inherit.0.name', good: ['container'], bad: [''], says: empty },
  { kind: 'SelinuxProfile', path: 'spec.inherit.0.name', good: [], bad: [absent], says: required },
  {
    kind: 'SelinuxProfile',
    path: 'spec.allow',
    good: [{ constructor: { file: [] }, '@self': { process: ['signal'] } }],
    bad: [{ var_log_t: ['read'] }],
    says: /must be of type object/,
  },
  { kind: 'RawSelinuxProfile', path: 'spec.policy', good: ['x'.repeat(500_000), absent], bad: [''], says: empty },
  {
    kind: 'RawSelinuxProfile',
    path: 'spec.policy',
    good: [],
    bad: ['x'.repeat(500_001)],
    says: /at most 500000|may not be (longer|more) than 500000|Too long/,
  },
  { kind: 'AppArmorProfile', path: 'spec.mode', good: ['Enforce', 'Complain'], bad: ['Enforcing'], says: unsupported },
  ...sets.map(
    (set): Constraint => ({
      kind: 'AppArmorProfile',
      path: `spec.abstract.${set}`,
      good: [[], ['/a', '/b']],
      bad: [['/a', '/a']],
      says: duplicate,
    }),
  ),
  ...['allowRaw', 'allowedProtocols.allowTcp', 'allowedProtocols.allowUdp'].map(
    (flag): Constraint => ({
      kind: 'AppArmorProfile',
      path: `spec.abstract.network.${flag}`,
      good: [true, false],
      bad: ['yes'],
      says: /must be of type boolean/,
    }),
  ),
];

/** The constraints of the profiles. */
export const profileConstraints: readonly Constraint[] = [...ofProfiles, ...ofSeccomp, ...ofModes];
