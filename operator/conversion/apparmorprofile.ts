import { disabledToState } from './profile-rules.ts';
import type { ConversionTable } from './table.ts';

/** The versions of AppArmorProfile. */
export const appArmorProfile: ConversionTable = {
  kind: 'AppArmorProfile',
  old: 'v1alpha1',
  rules: [
    disabledToState,
    {
      rule: 'moved',
      from: 'spec.complainMode',
      to: 'spec.mode',
      values: [
        [true, 'Complain'],
        [false, 'Enforce'],
      ],
      defaults: ['Enforce'],
    },
  ],
};
