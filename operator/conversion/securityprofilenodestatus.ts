import type { ConversionTable } from './table.ts';

/** The versions of SecurityProfileNodeStatus. */
export const securityProfileNodeStatus: ConversionTable = {
  kind: 'SecurityProfileNodeStatus',
  old: 'v1alpha1',
  rules: [
    { rule: 'moved', from: 'nodeName', to: 'spec.nodeName' },
    { rule: 'moved', from: 'status', to: 'status.status', type: 'string' },
  ],
};
