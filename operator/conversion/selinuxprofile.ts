import { disabledToState } from './profile-rules.ts';
import type { ConversionTable } from './table.ts';

/** The versions of SelinuxProfile. */
export const selinuxProfile: ConversionTable = {
  kind: 'SelinuxProfile',
  old: 'v1alpha2',
  rules: [
    disabledToState,
    {
      rule: 'moved',
      from: 'spec.permissive',
      to: 'spec.mode',
      values: [
        [true, 'Permissive'],
        [false, 'Enforcing'],
      ],
      defaults: ['Enforcing'],
    },
  ],
};
