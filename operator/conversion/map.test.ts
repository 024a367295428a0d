import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JsonObject } from '../api/shared/json.ts';
import { down, up } from './map.ts';
import type { ConversionTable, Rule } from './table.ts';
import { tables } from './tables.ts';

function table(kind: string): ConversionTable {
  const found = tables.get(kind);
  assert.ok(found !== undefined, kind);
  return found;
}

/** Objects of the old version, and what they are in v1. */
const mapped: readonly (readonly [kind: string, old: JsonObject, v1: JsonObject])[] = [
  ...['SeccompProfile', 'SelinuxProfile', 'RawSelinuxProfile', 'AppArmorProfile'].flatMap(
    (kind): [string, JsonObject, JsonObject][] => [
      [kind, { spec: { disabled: true } }, { spec: { state: 'Disabled' } }],
      [kind, { spec: { disabled: false } }, { spec: { state: 'Enabled' } }],
      // As the API server completes it.
      [kind, { spec: { disabled: true, state: 'Enabled' } }, { spec: { state: 'Disabled' } }],
      [kind, { spec: { disabled: false, state: 'Disabled' } }, { spec: { state: 'Disabled' } }],
      [kind, { spec: { disabled: 'yes' } }, { spec: { disabled: 'yes' } }],
      [kind, { spec: { disabled: null } }, { spec: { disabled: null } }],
      [kind, { spec: 'none' }, { spec: 'none' }],
      [kind, {}, {}],
    ],
  ),
  ['SelinuxProfile', { spec: { permissive: true, mode: 'Enforcing' } }, { spec: { mode: 'Permissive' } }],
  ['SelinuxProfile', { spec: { permissive: false, mode: 'Permissive' } }, { spec: { mode: 'Permissive' } }],
  [
    'SelinuxProfile',
    { spec: { permissive: true, disabled: true } },
    { spec: { mode: 'Permissive', state: 'Disabled' } },
  ],
  ['AppArmorProfile', { spec: { complainMode: true, mode: 'Enforce' } }, { spec: { mode: 'Complain' } }],
  ['AppArmorProfile', { spec: { complainMode: false } }, { spec: { mode: 'Enforce' } }],
  [
    'ProfileBinding',
    { spec: { profileRef: { kind: 'ApparmorProfile', name: 'a' } } },
    { spec: { profileRef: { kind: 'AppArmorProfile', name: 'a' } } },
  ],
  [
    'ProfileRecording',
    { spec: { kind: 'ApparmorProfile', recorder: 'bpf', mergeStrategy: 'containers', containers: [] } },
    { spec: { kind: 'AppArmorProfile', recorder: 'Bpf', mergeStrategy: 'Containers', containers: [] } },
  ],
  [
    'ProfileRecording',
    { spec: { recorder: 'logs', mergeStrategy: 'none' } },
    { spec: { recorder: 'Logs', mergeStrategy: 'None' } },
  ],
  [
    'ProfileRecording',
    { spec: { recorder: '', mergeStrategy: '' } },
    { spec: { recorder: 'Logs', mergeStrategy: 'None' } },
  ],
  [
    'ProfileRecording',
    { spec: { recorder: 'tape', mergeStrategy: 7 } },
    { spec: { recorder: 'tape', mergeStrategy: 7 } },
  ],
  [
    'SecurityProfileNodeStatus',
    { nodeName: 'n', status: 'Installed' },
    { spec: { nodeName: 'n' }, status: { status: 'Installed' } },
  ],
  ['SecurityProfileNodeStatus', { status: { status: 'Error' } }, { status: { status: 'Error' } }],
  [
    'SecurityProfilesOperatorDaemon',
    {
      spec: {
        enableSelinux: true,
        selinuxTypeTag: 't',
        selinuxOptions: { allowedSystemProfiles: [] },
        enableLogEnricher: true,
        enableJsonEnricher: false,
        enableBpfRecorder: true,
        jsonEnricherOptions: { auditLogPath: '/a' },
        logEnricherFilters: '[]',
        logEnricherSource: 'bpf',
        jsonEnricherFilters: '[1]',
        staticWebhookConfig: true,
        webhookOptions: [{ name: 'w' }],
        tolerations: [],
        affinity: {},
        priorityClassName: 'p',
        allowedSyscalls: ['read'],
        allowedSeccompActions: ['SCMP_ACT_LOG'],
        disableOciArtifactSignatureVerification: true,
        verbosity: 1,
      },
      status: { state: 'RUNNING' },
    },
    {
      spec: {
        selinux: { enable: true, typeTag: 't', options: { allowedSystemProfiles: [] } },
        enricher: {
          enableLogEnricher: true,
          enableJsonEnricher: false,
          enableBpfRecorder: true,
          jsonEnricherOptions: { auditLogPath: '/a' },
          logEnricherFilters: '[]',
          logEnricherSource: 'Bpf',
          jsonEnricherFilters: '[1]',
        },
        webhook: { staticConfig: true, options: [{ name: 'w' }] },
        scheduling: { tolerations: [], affinity: {}, priorityClassName: 'p' },
        security: {
          allowedSyscalls: ['read'],
          allowedSeccompActions: ['SCMP_ACT_LOG'],
          disableOciArtifactSignatureVerification: true,
        },
        verbosity: 1,
      },
      status: { state: 'Running' },
    },
  ],
  [
    'SecurityProfilesOperatorDaemon',
    {
      spec: {
        selinuxTypeTag: 'mine',
        selinux: { typeTag: 'spc_t', enable: false },
        enableSelinux: true,
        security: { disableOciArtifactSignatureVerification: false },
        disableOciArtifactSignatureVerification: true,
        priorityClassName: 'old',
        scheduling: { priorityClassName: 'new' },
      },
    },
    {
      spec: {
        selinux: { typeTag: 'mine', enable: true },
        security: { disableOciArtifactSignatureVerification: false },
        scheduling: { priorityClassName: 'new' },
      },
    },
  ],
  [
    'SecurityProfilesOperatorDaemon',
    { spec: { enableSelinux: true, selinux: 1 } },
    { spec: { enableSelinux: true, selinux: 1 } },
  ],
  [
    'SecurityProfilesOperatorDaemon',
    { spec: { enricher: { logEnricherSource: '' } } },
    { spec: { enricher: { logEnricherSource: 'Auditd' } } },
  ],
  [
    'SecurityProfilesOperatorDaemon',
    {
      spec: {
        enricher: {
          enableLogEnricher: false,
          enableJsonEnricher: false,
          enableBpfRecorder: false,
          logEnricherSource: 'auditd',
        },
        enableLogEnricher: true,
        enableJsonEnricher: true,
        enableBpfRecorder: true,
        logEnricherSource: 'bpf',
        webhook: { staticConfig: false },
        staticWebhookConfig: true,
        scheduling: { priorityClassName: 'system-node-critical' },
        priorityClassName: 'mine',
        selinux: { options: {} },
        selinuxOptions: { allowedSystemProfiles: ['mine'] },
      },
    },
    {
      spec: {
        enricher: {
          enableLogEnricher: true,
          enableJsonEnricher: true,
          enableBpfRecorder: true,
          logEnricherSource: 'Bpf',
        },
        webhook: { staticConfig: true },
        scheduling: { priorityClassName: 'mine' },
        selinux: { options: { allowedSystemProfiles: ['mine'] } },
      },
    },
  ],
  [
    'SecurityProfilesOperatorDaemon',
    {
      spec: {
        selinux: { options: { allowedSystemProfiles: ['container'] } },
        selinuxOptions: { allowedSystemProfiles: ['mine'] },
      },
      status: { state: '' },
    },
    { spec: { selinux: { options: { allowedSystemProfiles: ['mine'] } } }, status: { state: 'Pending' } },
  ],
];

/** Objects of v1, and what they are in the old version. */
const mappedDown: readonly (readonly [kind: string, v1: JsonObject, old: JsonObject])[] = [
  [
    'ProfileBinding',
    { spec: { profileRef: { kind: 'AppArmorProfile', name: 'a' }, image: '*', podSelector: { matchLabels: {} } } },
    { spec: { profileRef: { kind: 'AppArmorProfile', name: 'a' }, image: '*' } },
  ],
  ['SelinuxProfile', { spec: { mode: 'Permissive' } }, { spec: { mode: 'Permissive' } }],
  [
    'ProfileRecording',
    { spec: { recorder: 'Bpf', mergeStrategy: 'None', kind: 'AppArmorProfile' } },
    { spec: { recorder: 'bpf', mergeStrategy: 'none', kind: 'AppArmorProfile' } },
  ],
  [
    'SecurityProfilesOperatorDaemon',
    {
      spec: {
        selinux: {
          options: {
            allowedSystemProfiles: ['container'],
            deniedTypes: ['a'],
            deniedClasses: ['a'],
            deniedPermissions: ['a'],
            allowedTypes: ['a'],
            allowedClasses: ['a'],
            allowedPermissions: [],
          },
        },
        security: { allowedIdentityRegexp: 'a', allowedOidcIssuerRegexp: 'b' },
      },
      status: { state: 'Error' },
    },
    {
      spec: { selinux: { options: { allowedSystemProfiles: ['container'] } }, security: {} },
      status: { state: 'ERROR' },
    },
  ],
  ...['PENDING', 'CREATING', 'UPDATING'].map((state): [string, JsonObject, JsonObject] => [
    'SecurityProfilesOperatorDaemon',
    { status: { state: `${state.slice(0, 1)}${state.slice(1).toLowerCase()}` } },
    { status: { state } },
  ]),
];

describe('up', () => {
  for (const [kind, old, v1] of mapped) {
    it(`${kind}: ${JSON.stringify(old).slice(0, 80)}`, () => {
      const before = structuredClone(old);
      assert.deepEqual(up(table(kind), old), v1);
      assert.deepEqual(old, before, 'the object itself was changed');
    });
  }
});

/** The rules of a table, each without one of its parts or altogether. */
function brokenRules(rules: readonly Rule[]): (readonly [what: string, rules: readonly Rule[]])[] {
  return rules.flatMap((rule, index) => {
    const name = `${rule.rule} ${rule.rule === 'moved' ? rule.from : rule.field}`;
    const others: (readonly [string, Rule | undefined])[] = [[name, undefined]];
    for (const part of ['values', 'aliases', 'defaults'] as const) {
      const list = (rule as unknown as Record<string, readonly unknown[] | undefined>)[part] ?? [];
      list.forEach((_, at) => {
        others.push([`${name} ${part} ${at}`, { ...rule, [part]: list.toSpliced(at, 1) }]);
      });
    }
    return others.map(
      ([what, other]) => [what, rules.toSpliced(index, 1, ...(other === undefined ? [] : [other]))] as const,
    );
  });
}

describe('the examples', () => {
  for (const [kind, whole] of tables) {
    it(`${kind}: show each part of each rule`, () => {
      const examples = [...mapped, ...mappedDown.map(([of, v1]) => [of, v1, v1] as const)].filter(
        ([of]) => of === kind,
      );
      const results = (rules: readonly Rule[]) =>
        examples.map(([, old, v1]) => [up({ ...whole, rules }, old), down({ ...whole, rules }, v1)]);
      const expected = results(whole.rules);
      for (const [what, rules] of brokenRules(whole.rules)) {
        assert.notDeepEqual(results(rules), expected, `no example fails without ${what}`);
      }
    });
  }
});

describe('down', () => {
  for (const [kind, v1, old] of mappedDown) {
    it(`${kind}: ${JSON.stringify(v1).slice(0, 80)}`, () => {
      assert.deepEqual(down(table(kind), v1), old);
    });
  }
});
