import * as v from 'valibot';
import { profileSwitch, selinuxStatusEntries } from '../shared/profile.ts';

/** The fields of the specification that all versions have. */
export const rawSelinuxProfileEntries = {
  policy: v.optional(
    v.pipe(
      v.string(),
      v.minLength(1),
      v.maxLength(500_000),
      v.description('The policy in CIL, without the block around it.'),
    ),
  ),
};

/** The status, in all versions. */
export const rawSelinuxProfileStatusSchema = v.object(selinuxStatusEntries);

/** RawSelinuxProfile v1. */
export const rawSelinuxProfileSchema = v.object({
  spec: v.optional(
    v.pipe(
      v.object({ state: v.optional(profileSwitch, 'Enabled'), ...rawSelinuxProfileEntries }),
      v.description('The profile.'),
    ),
  ),
  status: v.optional(v.pipe(rawSelinuxProfileStatusSchema, v.description('What the operator reports of the profile.'))),
});

/** RawSelinuxProfile v1. */
export type RawSelinuxProfile = v.InferOutput<typeof rawSelinuxProfileSchema>;
