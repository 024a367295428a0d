import { type ConvertedResource, profilesGroup } from '../shared/resource-definition.ts';
import { profileRecordingSchema } from './v1.ts';
import { profileRecordingV1alpha1Schema } from './v1alpha1.ts';

/** ProfileRecording. */
export const profileRecordingResource: ConvertedResource = {
  group: profilesGroup,
  kind: 'ProfileRecording',
  plural: 'profilerecordings',
  singular: 'profilerecording',
  shortNames: [],
  scope: 'Namespaced',
  description: 'Records what the selected pods of the namespace do, and writes profiles that allow just that.',
  columns: [{ name: 'PodSelector', type: 'string', jsonPath: '.spec.podSelector', priority: 10 }],
  stored: { name: 'v1', schema: profileRecordingSchema },
  older: { name: 'v1alpha1', schema: profileRecordingV1alpha1Schema },
};
