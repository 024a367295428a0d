import { type ConvertedResource, profilesGroup } from '../shared/resource-definition.ts';
import { profileBindingSchema } from './v1.ts';
import { profileBindingV1alpha1Schema } from './v1alpha1.ts';

/** ProfileBinding. */
export const profileBindingResource: ConvertedResource = {
  group: profilesGroup,
  kind: 'ProfileBinding',
  plural: 'profilebindings',
  singular: 'profilebinding',
  shortNames: [],
  scope: 'Namespaced',
  description: 'Gives a profile to the containers of an image, or to all pods of the namespace, when they are created.',
  columns: [],
  stored: { name: 'v1', schema: profileBindingSchema },
  older: { name: 'v1alpha1', schema: profileBindingV1alpha1Schema },
};
