import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JsonObject } from './json.ts';
import { down, up } from './map.ts';
import type { ConversionTable } from './table.ts';
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

describe('down', () => {
  it('leaves out what the old version does not have, and the names of manifests before 1.0', () => {
    const spec = { profileRef: { kind: 'AppArmorProfile', name: 'a' }, image: '*', podSelector: { matchLabels: {} } };
    const { podSelector: _, ...rest } = spec;
    assert.deepEqual(down(table('ProfileBinding'), { spec }), { spec: rest });
    assert.deepEqual(down(table('SelinuxProfile'), { spec: { mode: 'Permissive' } }), { spec: { mode: 'Permissive' } });
  });

  it('renames values back', () => {
    const recording = { spec: { recorder: 'Bpf', mergeStrategy: 'None', kind: 'AppArmorProfile' } };
    assert.deepEqual(down(table('ProfileRecording'), recording), {
      spec: { recorder: 'bpf', mergeStrategy: 'none', kind: 'AppArmorProfile' },
    });
    const options = { deniedTypes: ['a'], allowedPermissions: [], allowedSystemProfiles: ['container'] };
    const daemon = {
      spec: { selinux: { options }, security: { allowedIdentityRegexp: 'a', allowedOidcIssuerRegexp: 'b' } },
      status: { state: 'Error' },
    };
    assert.deepEqual(down(table('SecurityProfilesOperatorDaemon'), daemon), {
      spec: { selinux: { options: { allowedSystemProfiles: ['container'] } }, security: {} },
      status: { state: 'ERROR' },
    });
  });
});
