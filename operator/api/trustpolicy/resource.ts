import { fairleadGroup, type ResourceDefinition } from '../shared/resource-definition.ts';
import { trustPolicySchema } from './v1alpha1.ts';

/** TrustPolicy. */
export const trustPolicyResource: ResourceDefinition = {
  group: fairleadGroup,
  kind: 'TrustPolicy',
  plural: 'trustpolicies',
  singular: 'trustpolicy',
  shortNames: [],
  scope: 'Cluster',
  description:
    'By which the operator verifies artifacts: the object named default. It has the rules and the trusted root of the trust policy ' +
    'of nodes, with keys as text. Nodes decide by their own file, and by their own baseline and limits.',
  columns: [
    { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  stored: { name: 'v1alpha1', schema: trustPolicySchema },
};
