import * as v from 'valibot';
import { disabledBefore1, profileSwitch } from '../shared/profile.ts';
import { rawSelinuxProfileEntries, rawSelinuxProfileStatusSchema } from './v1.ts';

/** RawSelinuxProfile v1alpha2, with what it had before 1.0. */
export const rawSelinuxProfileV1alpha2Schema = v.object({
  spec: v.optional(
    v.pipe(
      v.object({
        state: v.optional(profileSwitch),
        disabled: v.optional(disabledBefore1),
        ...rawSelinuxProfileEntries,
      }),
      v.description('The profile.'),
    ),
  ),
  status: v.optional(v.pipe(rawSelinuxProfileStatusSchema, v.description('What the operator reports of the profile.'))),
});

/** RawSelinuxProfile v1alpha2. */
export type RawSelinuxProfileV1alpha2 = v.InferOutput<typeof rawSelinuxProfileV1alpha2Schema>;
