import { disabledToState } from './profile-rules.ts';
import type { ConversionTable } from './table.ts';

/** The versions of RawSelinuxProfile. */
export const rawSelinuxProfile: ConversionTable = {
  kind: 'RawSelinuxProfile',
  old: 'v1alpha2',
  rules: [disabledToState],
};
