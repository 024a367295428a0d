import { disabledToState } from './profile-rules.ts';
import type { ConversionTable } from './table.ts';

/** The versions of SeccompProfile. */
export const seccompProfile: ConversionTable = { kind: 'SeccompProfile', old: 'v1beta1', rules: [disabledToState] };
