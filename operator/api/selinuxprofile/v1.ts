import * as v from 'valibot';
import { atomicListOf, mapOf } from '../shared/kubernetes.ts';
import { profileSwitch, selinuxStatusEntries } from '../shared/profile.ts';

/** Whether the kernel refuses what a profile does not allow, or only logs it. */
export const selinuxModeSchema = v.pipe(
  v.picklist(['Enforcing', 'Permissive']),
  v.description('Whether the kernel refuses what the profile does not allow, or only logs it (Permissive).'),
);

const inheritedSchema = v.object({
  kind: v.optional(
    v.pipe(
      v.picklist(['System', 'SelinuxProfile']),
      v.description('System: a policy of the node, such as container. SelinuxProfile: another object of this kind.'),
    ),
    'System',
  ),
  name: v.pipe(v.string(), v.minLength(1), v.description('The name of the policy or object.')),
});

/** The fields of the specification that all versions have. */
export const selinuxProfileEntries = {
  inherit: v.optional(
    v.pipe(atomicListOf(inheritedSchema), v.description('The policies whose rules the profile has as well.')),
    [{ kind: 'System', name: 'container' }],
  ),
  allow: v.optional(
    v.pipe(
      mapOf(mapOf(v.array(v.string()))),
      v.description(
        'What the container may do: permissions by object class, by the type of the object. The type @self is that of the profile.',
      ),
    ),
  ),
};

/** The status, in all versions. */
export const selinuxProfileStatusSchema = v.object(selinuxStatusEntries);

/** SelinuxProfile v1. */
export const selinuxProfileSchema = v.object({
  spec: v.optional(
    v.pipe(
      v.object({
        state: v.optional(profileSwitch, 'Enabled'),
        mode: v.optional(selinuxModeSchema, 'Enforcing'),
        ...selinuxProfileEntries,
      }),
      v.description('The profile.'),
    ),
  ),
  status: v.optional(v.pipe(selinuxProfileStatusSchema, v.description('What the operator reports of the profile.'))),
});

/** SelinuxProfile v1. */
export type SelinuxProfile = v.InferOutput<typeof selinuxProfileSchema>;
