import type { ConversionTable } from './table.ts';

/** The versions of ProfileBinding. */
export const profileBinding: ConversionTable = {
  kind: 'ProfileBinding',
  old: 'v1alpha1',
  rules: [
    {
      rule: 'renamed',
      field: 'spec.profileRef.kind',
      values: [],
      aliases: [['ApparmorProfile', 'AppArmorProfile']],
    },
    { rule: 'new', field: 'spec.podSelector' },
  ],
};
