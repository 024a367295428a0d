import * as v from 'valibot';
import { conditionsSchema } from './condition.ts';
import { setOf } from './kubernetes.ts';

/** Whether nodes install a profile. */
export const profileSwitch = v.pipe(
  v.picklist(['Enabled', 'Disabled']),
  v.description('Whether nodes install the profile. Disabled keeps the object, and installs nothing new.'),
);

/** The states of a profile, on one node and in the whole cluster. */
export const profileStateSchema = v.pipe(
  v.picklist(['Partial', 'Disabled', 'Pending', 'InProgress', 'Installed', 'Terminating', 'Error']),
  v.description(
    'Where the profile is on its way to the nodes: Installed on all of them, or else the least favourable of their states. ' +
      'A Partial profile was recorded from one replica, and waits to be merged with the others.',
  ),
);

/** The state of a profile, on one node and in the whole cluster. */
export type ProfileState = v.InferOutput<typeof profileStateSchema>;

/** The workloads that use an object. */
export const activeWorkloadsSchema = v.pipe(
  setOf(v.string()),
  v.description('The pods that use the object, as namespace/name. It is not deleted while there are any.'),
);

/** What the status of every kind of profile has. */
export const profileStatusEntries = {
  conditions: v.optional(conditionsSchema),
  status: v.optional(profileStateSchema),
};

/** What the status of both kinds of SELinux profile has. */
export const selinuxStatusEntries = {
  ...profileStatusEntries,
  usage: v.optional(
    v.pipe(v.string(), v.description('The SELinux type under which containers use the profile: <name>.process.')),
  ),
  activeWorkloads: v.optional(activeWorkloadsSchema),
};

/** `disabled` of profiles before 1.0. */
export const disabledBefore1 = v.pipe(
  v.boolean(),
  v.description('Deprecated: a field of versions before 1.0. Write state: Disabled.'),
);
