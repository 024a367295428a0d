import * as v from 'valibot';
import { disabledBefore1, profileSwitch } from '../shared/profile.ts';
import { seccompProfileEntries, seccompProfileStatusSchema } from './v1.ts';

/** SeccompProfile v1beta1, with what it had before 1.0. */
export const seccompProfileV1beta1Schema = v.object({
  spec: v.pipe(
    v.object({
      state: v.optional(profileSwitch),
      disabled: v.optional(disabledBefore1),
      ...seccompProfileEntries,
    }),
    v.description('The profile.'),
  ),
  status: v.optional(v.pipe(seccompProfileStatusSchema, v.description('What the operator reports of the profile.'))),
});

/** SeccompProfile v1beta1. */
export type SeccompProfileV1beta1 = v.InferOutput<typeof seccompProfileV1beta1Schema>;
