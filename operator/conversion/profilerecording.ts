import type { ConversionTable } from './table.ts';

/** The versions of ProfileRecording. */
export const profileRecording: ConversionTable = {
  kind: 'ProfileRecording',
  old: 'v1alpha1',
  rules: [
    {
      rule: 'renamed',
      field: 'spec.kind',
      values: [],
      aliases: [['ApparmorProfile', 'AppArmorProfile']],
    },
    {
      rule: 'renamed',
      field: 'spec.recorder',
      values: [
        ['bpf', 'Bpf'],
        ['logs', 'Logs'],
      ],
      aliases: [['', 'Logs']],
    },
    {
      rule: 'renamed',
      field: 'spec.mergeStrategy',
      values: [
        ['none', 'None'],
        ['containers', 'Containers'],
      ],
      aliases: [['', 'None']],
    },
  ],
};
