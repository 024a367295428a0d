import type { Json } from '../api/shared/json.ts';
import type { ConversionTable, MovedField, NewField } from './table.ts';

/** The fields of a group of v1 that were fields of the spec before SPO 1.0. */
function grouped(
  group: string,
  fields: readonly (readonly [before: string, today: string, ...Json[]])[],
): MovedField[] {
  return fields.map(([from, to, ...defaults]) => ({
    rule: 'moved',
    from: `spec.${from}`,
    to: `spec.${group}.${to}`,
    defaults,
  }));
}

function added(...fields: readonly string[]): NewField[] {
  return fields.map((field) => ({ rule: 'new', field: `spec.${field}` }));
}

/** The versions of SecurityProfilesOperatorDaemon. */
export const securityProfilesOperatorDaemon: ConversionTable = {
  kind: 'SecurityProfilesOperatorDaemon',
  old: 'v1alpha1',
  rules: [
    ...grouped('selinux', [
      ['enableSelinux', 'enable', false],
      ['selinuxTypeTag', 'typeTag', 'spc_t'],
      ['selinuxOptions', 'options', {}, { allowedSystemProfiles: ['container'] }],
    ]),
    ...grouped('enricher', [
      ['enableLogEnricher', 'enableLogEnricher', false],
      ['enableJsonEnricher', 'enableJsonEnricher', false],
      ['enableBpfRecorder', 'enableBpfRecorder', false],
      ['jsonEnricherOptions', 'jsonEnricherOptions'],
      ['logEnricherFilters', 'logEnricherFilters'],
      ['logEnricherSource', 'logEnricherSource', 'auditd'],
      ['jsonEnricherFilters', 'jsonEnricherFilters'],
    ]),
    ...grouped('webhook', [
      ['staticWebhookConfig', 'staticConfig', false],
      ['webhookOptions', 'options'],
    ]),
    ...grouped('scheduling', [
      ['tolerations', 'tolerations'],
      ['affinity', 'affinity'],
      ['priorityClassName', 'priorityClassName', 'system-node-critical'],
    ]),
    ...grouped('security', [
      ['allowedSyscalls', 'allowedSyscalls'],
      ['allowedSeccompActions', 'allowedSeccompActions'],
      // The field of today always counts here: `false` written there must not become true.
      ['disableOciArtifactSignatureVerification', 'disableOciArtifactSignatureVerification'],
    ]),
    {
      rule: 'renamed',
      field: 'spec.enricher.logEnricherSource',
      values: [
        ['auditd', 'Auditd'],
        ['bpf', 'Bpf'],
      ],
      aliases: [['', 'Auditd']],
    },
    {
      rule: 'renamed',
      field: 'status.state',
      values: [
        ['PENDING', 'Pending'],
        ['CREATING', 'Creating'],
        ['UPDATING', 'Updating'],
        ['RUNNING', 'Running'],
        ['ERROR', 'Error'],
      ],
      aliases: [['', 'Pending']],
    },
    ...added('security.allowedIdentityRegexp', 'security.allowedOidcIssuerRegexp'),
    ...added(
      ...[
        'deniedTypes',
        'deniedClasses',
        'deniedPermissions',
        'allowedTypes',
        'allowedClasses',
        'allowedPermissions',
      ].map((field) => `selinux.options.${field}`),
    ),
  ],
};
