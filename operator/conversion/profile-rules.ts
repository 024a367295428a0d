import type { MovedField } from './table.ts';

/** `disabled`, which all kinds of profiles had before SPO 1.0. */
export const disabledToState: MovedField = {
  rule: 'moved',
  from: 'spec.disabled',
  to: 'spec.state',
  values: [
    [true, 'Disabled'],
    [false, 'Enabled'],
  ],
  defaults: ['Enabled'],
};
