import * as v from 'valibot';
import { securitySchema } from './security.ts';
import { selinuxSchema } from './selinux.ts';
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

const enricherSchema = v.object({
  enableLogEnricher: v.optional(enricherSwitches.enableLogEnricher, false),
  enableJsonEnricher: v.optional(enricherSwitches.enableJsonEnricher, false),
  enableBpfRecorder: v.optional(enricherSwitches.enableBpfRecorder, false),
  logEnricherSource: v.optional(v.pipe(v.picklist(['Auditd', 'Bpf']), v.description(enricherSource))),
  ...enricherEntries,
});

const webhookSchema = v.object({
  staticConfig: v.optional(staticConfig, false),
  options: v.optional(webhookOptionsSchema),
});

const schedulingSchema = v.object({
  ...schedulingEntries,
  priorityClassName: v.optional(priorityClassName, 'system-node-critical'),
});

/** SecurityProfilesOperatorDaemon v1. */
export const securityProfilesOperatorDaemonSchema = v.object({
  spec: v.optional(
    v.pipe(
      v.object({
        ...daemonEntries,
        selinux: v.optional(v.pipe(selinuxSchema, v.description(groups.selinux))),
        enricher: v.optional(v.pipe(enricherSchema, v.description(groups.enricher))),
        webhook: v.optional(v.pipe(webhookSchema, v.description(groups.webhook))),
        scheduling: v.optional(v.pipe(schedulingSchema, v.description(groups.scheduling))),
        security: v.optional(v.pipe(securitySchema, v.description(groups.security))),
      }),
      v.description('The settings.'),
    ),
  ),
  status: daemonStatus(['Pending', 'Creating', 'Updating', 'Running', 'Error'], 'Running'),
});

/** The name of the object that is in force, in the namespace of the operator. */
export const daemonName = 'spod';

/** SecurityProfilesOperatorDaemon v1. */
export type SecurityProfilesOperatorDaemon = v.InferOutput<typeof securityProfilesOperatorDaemonSchema>;
