import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { profileObject, validated } from '#test/support/profile-object';
import { settingsOf } from './settings.ts';
import { validators } from './validators.ts';

const kinds = [...validators.keys()];
const fields = [
  ...['spec', 'defaultAction', 'syscalls', 'names', 'action', 'args', 'index', 'op', 'value', 'baseProfileName'],
  ...['abstract', 'filesystem', 'readOnlyPaths', 'capability', 'allowedCapabilities', 'inherit', 'allow', 'policy'],
  ...['profileRef', 'kind', 'name', 'image', 'podSelector', 'matchLabels', 'recorder', 'containers', 'nodeName'],
  ...['security', 'allowedIdentityRegexp', 'enricher', 'logEnricherFilters', 'webhook', 'options', 'selinux', 'mode'],
  ...['daemonResourceRequirements', 'limits', 'requests', '__proto__', 'constructor', 'toString', ''],
];
const words = [
  'SCMP_ACT_ALLOW',
  'SCMP_CMP_EQ',
  'read',
  '/etc/**',
  '*',
  'Bpf',
  '@self',
  '(a',
  '[{',
  '1Gi',
  '\u0000',
  '\ud800',
];
const { value: json } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    fc.oneof(
      fc.constantFrom(...words),
      fc.string(),
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.bigInt(),
      fc.boolean(),
      fc.constant(null),
    ),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.oneof(fc.constantFrom(...fields), fc.string()), tie('value'), { maxKeys: 6 }),
  ),
}));

/** Changes a value at random places into others. */
function mutated(value: unknown): fc.Arbitrary<unknown> {
  const kept = fc.constant(value);
  if (typeof value !== 'object' || value === null) return fc.oneof({ arbitrary: kept, weight: 8 }, json);
  const parts: fc.Arbitrary<unknown> = Array.isArray(value)
    ? fc.tuple(...value.map(mutated))
    : fc.record(Object.fromEntries(Object.entries(value).map(([name, member]) => [name, mutated(member)])));
  return fc.oneof({ arbitrary: parts, weight: 12 }, json);
}

const good: Readonly<Record<string, unknown>> = {
  SeccompProfile: {
    defaultAction: 'SCMP_ACT_ERRNO',
    architectures: ['SCMP_ARCH_X86_64'],
    syscalls: [{ names: ['read'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value: 1, op: 'SCMP_CMP_EQ' }] }],
    baseProfileName: 'runc',
  },
  SelinuxProfile: { inherit: [{ kind: 'System', name: 'container' }], allow: { var_log_t: { file: ['read'] } } },
  RawSelinuxProfile: { policy: '(blockinherit container)' },
  AppArmorProfile: {
    mode: 'Enforce',
    abstract: { filesystem: { readOnlyPaths: ['/etc/**'] }, capability: { allowedCapabilities: ['chown'] } },
  },
  ProfileBinding: {
    profileRef: { kind: 'SeccompProfile', name: 'a' },
    image: '*',
    podSelector: { matchLabels: { a: 'b' }, matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] },
  },
  ProfileRecording: { kind: 'SeccompProfile', recorder: 'Bpf', podSelector: {}, containers: ['a'] },
  SecurityProfilesOperatorDaemon: {
    security: { allowedSyscalls: ['read'], allowedIdentityRegexp: 'a+' },
    selinux: { typeTag: 'spc_t', options: { deniedTypes: ['a_t'] } },
    enricher: { logEnricherFilters: '[{"priority":1,"level":"None","matchKeys":["pod"]}]' },
    webhook: { options: [{ name: 'binding.spo.io', objectSelector: {} }] },
    daemonResourceRequirements: { limits: { cpu: 1 }, requests: { cpu: '100m' } },
  },
  SecurityProfileNodeStatus: { nodeName: 'a' },
};

const settings = settingsOf({ spec: { security: { allowedSyscalls: ['read'] } } } as never);

describe('validation of anything', () => {
  for (const kind of kinds) {
    it(`answers about every ${kind}, in words that are no commands for a terminal`, () => {
      assert.deepEqual(validated(profileObject(kind, good[kind]), settings).violations, []);
      let accepted = 0;
      fc.assert(
        fc.property(mutated(good[kind]), fc.oneof(fc.constant('nginx'), fc.string()), (spec, name) => {
          const { violations, warnings } = validated(profileObject(kind, spec, name), settings);
          if (violations.length === 0) accepted += 1;
          for (const text of [...violations, ...warnings]) {
            assert.doesNotMatch(text, /\p{Cc}/u);
            assert.doesNotMatch(text, /undefined|\[object|NaN/);
            assert.ok(text.length < 3_000, text);
          }
        }),
        { numRuns: 1_000 },
      );
      assert.ok(accepted > 20, `${accepted}`);
    });
  }

  it('answers about what is not an object', () => {
    for (const validator of validators.values()) {
      for (const object of [undefined, null, 5, 'x', [], [[]], {}, { spec: [] }, { spec: { spec: {} } }]) {
        assert.ok(Array.isArray(validator(object, settings).violations));
      }
    }
  });
});

describe('validation of objects of one mebibyte', () => {
  const half = 512 * 1024;
  const times = (size: number, item: (index: number) => unknown) =>
    Array.from({ length: size }, (_, index) => item(index));
  const every = ['read', 'write', 'mmap', 'ptrace', 'bpf', 'socket', 'clone', 'openat'];
  /** For a size, a specification that takes about as many bytes as JSON. */
  const specs: readonly [string, string, (bytes: number) => unknown][] = [
    [
      'SeccompProfile',
      'names',
      (bytes) => ({
        defaultAction: 'SCMP_ACT_ERRNO',
        syscalls: [{ action: 'SCMP_ACT_ALLOW', names: times(bytes / 10, (n) => `s${n}`) }],
      }),
    ],
    [
      'SeccompProfile',
      'few names again and again',
      (bytes) => ({
        defaultAction: 'SCMP_ACT_ERRNO',
        syscalls: times(bytes / 50, (n) => ({ action: 'SCMP_ACT_ALLOW', names: [every[n % 8]] })),
      }),
    ],
    [
      'SeccompProfile',
      'conditions',
      (bytes) => ({
        defaultAction: 'SCMP_ACT_ERRNO',
        syscalls: times(bytes / 110, (n) => ({
          action: 'SCMP_ACT_ALLOW',
          names: [every[n % 8]],
          args: [{ index: n % 6, op: 'SCMP_CMP_EQ', value: n }],
        })),
      }),
    ],
    [
      'SeccompProfile',
      'overlapping conditions',
      (bytes) => ({
        defaultAction: 'SCMP_ACT_ERRNO',
        syscalls: times(bytes / 110, (n) => ({
          action: n % 2 ? 'SCMP_ACT_ALLOW' : 'SCMP_ACT_LOG',
          names: ['socket'],
          args: [{ index: n % 6, op: 'SCMP_CMP_GE', value: n }],
        })),
      }),
    ],
    [
      'AppArmorProfile',
      'paths',
      (bytes) => ({ abstract: { filesystem: { readOnlyPaths: times(bytes / 12, (n) => `/d${n}/*`) } } }),
    ],
    [
      'AppArmorProfile',
      '4,096 wide paths',
      (bytes) => ({
        abstract: { filesystem: { readOnlyPaths: times(Math.min(4_096, bytes / 20), (n) => `/**/d${n}/**`) } },
      }),
    ],
    [
      'AppArmorProfile',
      'one long path',
      (bytes) => ({ abstract: { filesystem: { readOnlyPaths: ['/'.padEnd(bytes, 'a')] } } }),
    ],
    [
      'SelinuxProfile',
      'permissions',
      (bytes) => ({ allow: { var_log_t: { file: times(bytes / 10, (n) => `p${n}`) } } }),
    ],
    [
      'SelinuxProfile',
      'types',
      (bytes) => ({
        allow: Object.fromEntries(times(bytes / 30, (n) => [`t${n}_t`, { file: ['read'] }]) as [string, unknown][]),
      }),
    ],
    [
      'RawSelinuxProfile',
      'rules',
      (bytes) => ({
        policy: `(blockinherit container)${'(allow process a_t (file (read)))'.repeat(bytes / 40)}`.slice(0, 499_990),
      }),
    ],
    ['RawSelinuxProfile', 'parentheses', (bytes) => ({ policy: '('.repeat(Math.min(bytes, 500_000)) })],
    ['RawSelinuxProfile', 'words', (bytes) => ({ policy: `(allow ${'a '.repeat(Math.min(bytes, 480_000) / 2)})` })],
    [
      'RawSelinuxProfile',
      'comments',
      (bytes) => ({ policy: `${';\n'.repeat(Math.min(bytes, 480_000) / 2)}(blockinherit container)` }),
    ],
    [
      'ProfileBinding',
      'labels',
      (bytes) => ({
        profileRef: { kind: 'SeccompProfile', name: 'a' },
        image: '*',
        podSelector: {
          matchLabels: Object.fromEntries(times(bytes / 14, (n) => [`l${n}`, 'x']) as [string, unknown][]),
        },
      }),
    ],
    [
      'ProfileRecording',
      'containers',
      (bytes) => ({
        kind: 'SeccompProfile',
        recorder: 'Bpf',
        podSelector: {},
        containers: times(bytes / 10, (n) => `C${n}`),
      }),
    ],
    [
      'SecurityProfilesOperatorDaemon',
      'syscalls',
      (bytes) => ({ security: { allowedSyscalls: times(bytes / 10, (n) => `s${n}`) } }),
    ],
    [
      'SecurityProfilesOperatorDaemon',
      'a pattern',
      (bytes) => ({ security: { allowedIdentityRegexp: '(a*)*'.repeat(bytes / 5) } }),
    ],
    [
      'SecurityProfilesOperatorDaemon',
      'repetitions',
      (bytes) => ({ security: { allowedIdentityRegexp: '{'.repeat(bytes) } }),
    ],
    ['SecurityProfilesOperatorDaemon', 'filters', (bytes) => ({ enricher: { logEnricherFilters: '['.repeat(bytes) } })],
    [
      'SecurityProfilesOperatorDaemon',
      'quantities',
      (bytes) => ({ daemonResourceRequirements: { limits: { cpu: '1'.repeat(bytes) } } }),
    ],
    ['SecurityProfileNodeStatus', 'a name', (bytes) => ({ nodeName: 'a-'.repeat(bytes / 2) })],
  ];
  for (const [kind, what, spec] of specs) {
    it(`takes time in proportion to the size: ${kind}, ${what}`, () => {
      const time = (bytes: number) => {
        const object = profileObject(kind, spec(bytes));
        const begin = performance.now();
        validated(object, settings);
        return performance.now() - begin;
      };
      time(half / 8);
      const [small, large] = [time(half), time(2 * half)];
      assert.ok(large < 5_000, `${large.toFixed()} ms`);
      // Half a second is noise on a busy machine.
      assert.ok(
        large < 500 || large < 5 * small,
        `${small.toFixed()} ms, and ${large.toFixed()} ms for twice the size`,
      );
      if (process.env['FAIRLEAD_SHOW_TIMES'] !== undefined) console.log(kind, what, small.toFixed(), large.toFixed());
    });
  }
});
