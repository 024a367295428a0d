import * as v from 'valibot';
import { bindingSelectorSchema } from '../label-selector.ts';
import { conditionsSchema } from '../shared/condition.ts';
import { rule } from '../shared/kubernetes.ts';
import { activeWorkloadsSchema } from '../shared/profile.ts';

const objectName = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

const profileRefSchema = v.object({
  kind: v.pipe(
    v.picklist(['SeccompProfile', 'SelinuxProfile', 'AppArmorProfile']),
    v.description('The kind of the profile.'),
  ),
  name: v.pipe(
    v.string(),
    v.minLength(1),
    ...rule<string>({
      rule: `self == '' || self.matches('${objectName.source.replaceAll('\\', '\\\\')}')`,
      message:
        'profileRef.name must be the name of an object: lower-case letters, digits, "-" and ".", with a letter or digit at both ends',
      holds: (name) => name === '' || objectName.test(name),
    }),
    v.description('The name of the profile.'),
  ),
});

/** The fields of the specification that all versions have. */
export const profileBindingEntries = {
  profileRef: v.pipe(profileRefSchema, v.description('The profile that the containers get.')),
  image: v.pipe(
    v.string(),
    v.minLength(1),
    v.description(
      'The image whose containers get the profile. With *, the profile is the default for all containers of every pod.',
    ),
  ),
};

/** The status, in all versions. */
export const profileBindingStatusSchema = v.object({
  conditions: v.optional(conditionsSchema),
  activeWorkloads: v.optional(activeWorkloadsSchema),
});

/** ProfileBinding v1. */
export const profileBindingSchema = v.object({
  spec: v.pipe(
    v.object({
      ...profileBindingEntries,
      podSelector: v.optional(
        v.pipe(
          bindingSelectorSchema,
          v.description('Which pods of the namespace are bound, by their labels. All by default.'),
        ),
      ),
    }),
    v.description('Which containers get which profile.'),
  ),
  status: v.optional(v.pipe(profileBindingStatusSchema, v.description('What the operator reports of the binding.'))),
});

/** ProfileBinding v1. */
export type ProfileBinding = v.InferOutput<typeof profileBindingSchema>;
