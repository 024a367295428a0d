import * as v from 'valibot';
import { profileBindingEntries, profileBindingStatusSchema } from './v1.ts';

/** ProfileBinding v1alpha1, which selects no pods by their labels. */
export const profileBindingV1alpha1Schema = v.object({
  spec: v.pipe(v.object(profileBindingEntries), v.description('Which containers get which profile.')),
  status: v.optional(v.pipe(profileBindingStatusSchema, v.description('What the operator reports of the binding.'))),
});

/** ProfileBinding v1alpha1. */
export type ProfileBindingV1alpha1 = v.InferOutput<typeof profileBindingV1alpha1Schema>;
