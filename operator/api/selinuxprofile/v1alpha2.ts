import * as v from 'valibot';
import { disabledBefore1, profileSwitch } from '../shared/profile.ts';
import { selinuxModeSchema, selinuxProfileEntries, selinuxProfileStatusSchema } from './v1.ts';

/** SelinuxProfile v1alpha2, with what it had before 1.0. */
export const selinuxProfileV1alpha2Schema = v.object({
  spec: v.optional(
    v.pipe(
      v.object({
        state: v.optional(profileSwitch),
        disabled: v.optional(disabledBefore1),
        mode: v.optional(selinuxModeSchema),
        permissive: v.optional(
          v.pipe(v.boolean(), v.description('Deprecated: a field of versions before 1.0. Write mode: Permissive.')),
        ),
        ...selinuxProfileEntries,
      }),
      v.description('The profile.'),
    ),
  ),
  status: v.optional(v.pipe(selinuxProfileStatusSchema, v.description('What the operator reports of the profile.'))),
});

/** SelinuxProfile v1alpha2. */
export type SelinuxProfileV1alpha2 = v.InferOutput<typeof selinuxProfileV1alpha2Schema>;
