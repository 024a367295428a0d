import * as v from 'valibot';
import { disabledBefore1, profileSwitch } from '../shared/profile.ts';
import { apparmorModeSchema, apparmorProfileEntries, apparmorProfileStatusSchema } from './v1.ts';

/** AppArmorProfile v1alpha1, with what it had before 1.0. */
export const apparmorProfileV1alpha1Schema = v.object({
  spec: v.optional(
    v.pipe(
      v.object({
        state: v.optional(profileSwitch),
        disabled: v.optional(disabledBefore1),
        mode: v.optional(apparmorModeSchema),
        complainMode: v.optional(
          v.pipe(v.boolean(), v.description('Deprecated: a field of versions before 1.0. Write mode: Complain.')),
        ),
        ...apparmorProfileEntries,
      }),
      v.description('The profile.'),
    ),
  ),
  status: v.optional(v.pipe(apparmorProfileStatusSchema, v.description('What the operator reports of the profile.'))),
});

/** AppArmorProfile v1alpha1. */
export type AppArmorProfileV1alpha1 = v.InferOutput<typeof apparmorProfileV1alpha1Schema>;
