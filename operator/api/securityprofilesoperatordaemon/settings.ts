import * as v from 'valibot';
import { labelSelectorSchema } from '../label-selector.ts';
import { conditionsSchema } from '../shared/condition.ts';
import { atomicListOf, int32, kubernetes, listByKey, rule } from '../shared/kubernetes.ts';
import { resourceRequirementsSchema } from '../shared/resource-requirements.ts';
import { affinitySchema, tolerationSchema } from '../shared/scheduling.ts';

const flag = (description: string) => v.optional(v.pipe(v.boolean(), v.description(description)), false);
const filters = (enricher: string) =>
  v.optional(v.pipe(v.string(), v.description(`Which events the ${enricher} enricher reports, as JSON.`)));

const procPath = /^\/proc(\/.*)?$/;

/** core/v1 LocalObjectReference, but the name is required: there is no Secret without one. */
const pullSecretSchema = v.pipe(
  v.object({ name: v.pipe(v.string(), v.description('The name of the Secret.')) }),
  kubernetes({ mapType: 'atomic' }),
);

/** Returns the status, with the states of a version. */
export function daemonStatus<const State extends string>(states: readonly State[], running: NoInfer<State>) {
  return v.optional(
    v.pipe(
      v.object({
        conditions: v.optional(conditionsSchema),
        state: v.optional(
          v.pipe(v.picklist(states), v.description(`Whether the settings are in force on the nodes: ${running}.`)),
        ),
      }),
      v.description('What the operator reports of the settings.'),
    ),
  );
}

/** The fields of the specification that all versions have. */
export const daemonEntries = {
  verbosity: v.optional(v.pipe(int32(0), v.description('How much is logged: 0 is the least.'))),
  enableProfiling: flag('Whether the processes on the nodes serve profiles of their own performance.'),
  enableMemoryOptimization: flag('Whether only labelled pods are watched, to save memory.'),
  enableInsecureMetricsAccess: flag('Whether metrics are served without authentication.'),
  enableAppArmor: flag('Whether AppArmor profiles are installed.'),
  hostProcVolumePath: v.optional(
    v.pipe(
      v.string(),
      v.regex(procPath),
      ...rule<string>({
        rule: "self.matches('^/proc(/.*)?$') && !('..' in self.split('/'))",
        message: 'hostProcVolumePath must be /proc or a path below it, without ".."',
        holds: (path) => procPath.test(path) && !path.split('/').includes('..'),
      }),
      v.description("The host's /proc, if it is elsewhere below /proc, as on nodes that are containers."),
    ),
  ),
  imagePullSecrets: v.optional(
    v.pipe(
      listByKey('name', pullSecretSchema),
      v.description("Secrets to pull the images of the operator's own pods."),
    ),
  ),
  daemonResourceRequirements: v.optional(
    v.pipe(resourceRequirementsSchema, v.description('What the pods on the nodes may use.')),
  ),
};

/** The settings of the JSON enricher's log. */
export const jsonEnricherOptionsSchema = v.object({
  auditLogIntervalSeconds: v.optional(
    v.pipe(int32(1), v.description('For how many seconds events are collected into one line. 60 by default.')),
  ),
  auditLogPath: v.optional(
    v.pipe(v.string(), v.description('The file that is written, on the nodes. Standard output by default.')),
  ),
  auditLogMaxSize: v.optional(v.pipe(int32(1), v.description('The size in megabytes at which the file is rotated.'))),
  auditLogMaxBackups: v.optional(v.pipe(int32(0), v.description('How many rotated files are kept.'))),
  auditLogMaxAge: v.optional(v.pipe(int32(0), v.description('For how many days rotated files are kept.'))),
});

/** The settings of the enrichers that are the same in all versions. */
export const enricherEntries = {
  logEnricherFilters: filters('log'),
  jsonEnricherFilters: filters('JSON'),
  jsonEnricherOptions: v.optional(
    v.pipe(jsonEnricherOptionsSchema, v.description("The settings of the JSON enricher's log.")),
  ),
};

/** What switches the enrichers and the recorder on. */
export const enricherSwitches = {
  enableLogEnricher: v.pipe(v.boolean(), v.description('Whether events of the kernel are logged with their pods.')),
  enableJsonEnricher: v.pipe(
    v.boolean(),
    v.description('Whether the commands in containers are logged as JSON, with who started them.'),
  ),
  enableBpfRecorder: v.pipe(v.boolean(), v.description('Whether profiles are recorded by eBPF programs.')),
};

/** Where the log enricher reads events. */
export const enricherSource =
  'Where the log enricher reads events: the log of auditd or the kernel, which is the default, or eBPF programs.';

/** Settings of webhooks that differ from the installed ones, by the name of the webhook. */
export const webhookOptionsSchema = v.pipe(
  listByKey(
    'name',
    v.object({
      name: v.pipe(v.string(), v.minLength(1), v.description('The name of the webhook.')),
      failurePolicy: v.optional(
        v.pipe(
          v.string(),
          ...rule<string>({
            rule: "self == 'Fail' || self == 'Ignore'",
            message: 'failurePolicy must be Fail or Ignore',
            holds: (policy) => policy === 'Fail' || policy === 'Ignore',
          }),
          v.description('Whether objects are refused (Fail) or let through (Ignore) if the webhook cannot be reached.'),
        ),
      ),
      namespaceSelector: v.optional(
        v.pipe(labelSelectorSchema, v.description('In which namespaces the webhook is called, by their labels.')),
      ),
      objectSelector: v.optional(
        v.pipe(labelSelectorSchema, v.description('For which objects the webhook is called, by their labels.')),
      ),
    }),
  ),
  v.description('Settings of webhooks that differ from the installed ones.'),
);

/** Whether another program writes the webhook configuration. */
export const staticConfig = v.pipe(
  v.boolean(),
  v.description('Whether another program writes the webhook configuration, and the operator does not change it.'),
);

/** On which nodes the operator's pods run. */
export const schedulingEntries = {
  tolerations: v.optional(
    v.pipe(atomicListOf(tolerationSchema), v.description("The taints that the operator's pods on the nodes tolerate.")),
  ),
  affinity: v.optional(v.pipe(affinitySchema, v.description("On which nodes the operator's pods run."))),
};

/** The priority of the operator's pods. */
export const priorityClassName = v.pipe(
  v.string(),
  v.description("The priority class of the operator's pods on the nodes. system-node-critical by default."),
);

/** What the groups of settings are about, in all versions. */
export const groups = {
  selinux: 'How SELinux profiles are installed.',
  enricher: 'How events of the kernel are reported, and profiles recorded.',
  webhook: 'How the webhooks are configured.',
  scheduling: "Where the operator's pods on the nodes run.",
  security: 'What SeccompProfiles may allow, and who signs base profiles.',
};
