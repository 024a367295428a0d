import * as v from 'valibot';
import { allowedActionsRule, allowedSyscallsEntries, olderSecuritySchema, unsigned } from './security.ts';
import { olderSelinuxOptionsSchema, olderSelinuxSchema } from './selinux.ts';
import {
  daemonEntries,
  daemonStatus,
  enricherEntries,
  enricherSource,
  enricherSwitches,
  groups,
  priorityClassName,
  schedulingEntries,
  staticConfig,
  webhookOptionsSchema,
} from './settings.ts';

/**
 * Every field that had another place before 1.0 has no default here: the default would stand
 * beside what a manifest says in the other place.
 */
const enricherFields = {
  enableLogEnricher: v.optional(enricherSwitches.enableLogEnricher),
  enableJsonEnricher: v.optional(enricherSwitches.enableJsonEnricher),
  enableBpfRecorder: v.optional(enricherSwitches.enableBpfRecorder),
  logEnricherSource: v.optional(v.pipe(v.picklist(['auditd', 'bpf']), v.description(enricherSource))),
  ...enricherEntries,
};

const webhookSchema = v.object({ staticConfig: v.optional(staticConfig), options: v.optional(webhookOptionsSchema) });

const schedulingFields = { ...schedulingEntries, priorityClassName: v.optional(priorityClassName) };

/** Returns an optional field before 1.0 that is now at `path`. */
const movedTo = <T extends v.GenericSchema>(schema: T, path: string) =>
  v.optional(v.pipe(schema, v.description(`Deprecated: a field of versions before 1.0. Write ${path}.`)));

/** The fields of the specification before 1.0, which were not in groups. */
const flatEntries = {
  enableSelinux: movedTo(v.boolean(), 'selinux.enable'),
  selinuxTypeTag: movedTo(v.string(), 'selinux.typeTag'),
  selinuxOptions: movedTo(olderSelinuxOptionsSchema, 'selinux.options'),
  enableLogEnricher: movedTo(v.boolean(), 'enricher.enableLogEnricher'),
  enableJsonEnricher: movedTo(v.boolean(), 'enricher.enableJsonEnricher'),
  enableBpfRecorder: movedTo(v.boolean(), 'enricher.enableBpfRecorder'),
  jsonEnricherOptions: movedTo(enricherEntries.jsonEnricherOptions.wrapped, 'enricher.jsonEnricherOptions'),
  logEnricherFilters: movedTo(v.string(), 'enricher.logEnricherFilters'),
  jsonEnricherFilters: movedTo(v.string(), 'enricher.jsonEnricherFilters'),
  logEnricherSource: movedTo(v.picklist(['auditd', 'bpf']), 'enricher.logEnricherSource'),
  staticWebhookConfig: movedTo(v.boolean(), 'webhook.staticConfig'),
  webhookOptions: movedTo(webhookOptionsSchema, 'webhook.options'),
  tolerations: movedTo(schedulingEntries.tolerations.wrapped, 'scheduling.tolerations'),
  affinity: movedTo(schedulingEntries.affinity.wrapped, 'scheduling.affinity'),
  priorityClassName: movedTo(v.string(), 'scheduling.priorityClassName'),
  allowedSyscalls: movedTo(allowedSyscallsEntries.allowedSyscalls.wrapped, 'security.allowedSyscalls'),
  allowedSeccompActions: movedTo(
    allowedSyscallsEntries.allowedSeccompActions.wrapped,
    'security.allowedSeccompActions',
  ),
  disableOciArtifactSignatureVerification: movedTo(unsigned, 'security.disableOciArtifactSignatureVerification'),
};

const specSchema = v.object({
  ...daemonEntries,
  selinux: v.optional(v.pipe(olderSelinuxSchema, v.description(groups.selinux))),
  enricher: v.optional(v.pipe(v.object(enricherFields), v.description(groups.enricher))),
  webhook: v.optional(v.pipe(webhookSchema, v.description(groups.webhook))),
  scheduling: v.optional(v.pipe(v.object(schedulingFields), v.description(groups.scheduling))),
  security: v.optional(v.pipe(olderSecuritySchema, v.description(groups.security))),
  ...flatEntries,
});

/** SecurityProfilesOperatorDaemon v1alpha1, with what it had before 1.0. */
export const securityProfilesOperatorDaemonV1alpha1Schema = v.object({
  spec: v.optional(
    v.pipe(specSchema, ...allowedActionsRule<v.InferOutput<typeof specSchema>>(), v.description('The settings.')),
  ),
  status: daemonStatus(['PENDING', 'CREATING', 'UPDATING', 'RUNNING', 'ERROR'], 'RUNNING'),
});

/** SecurityProfilesOperatorDaemon v1alpha1. */
export type SecurityProfilesOperatorDaemonV1alpha1 = v.InferOutput<typeof securityProfilesOperatorDaemonV1alpha1Schema>;
