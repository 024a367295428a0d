import * as v from 'valibot';
import { rule } from '../shared/kubernetes.ts';
import { nodeNameSchema, securityProfileNodeStatusStatusSchema } from './v1.ts';

const objectSchema = v.object({
  nodeName: v.optional(
    v.pipe(
      v.string(),
      v.minLength(1),
      v.description('Deprecated: a field of versions before 1.0. Write spec.nodeName.'),
    ),
  ),
  spec: v.optional(v.pipe(v.object({ nodeName: nodeNameSchema }), v.description('Where the profile is.'))),
  status: v.optional(
    v.pipe(securityProfileNodeStatusStatusSchema, v.description('What the node reports of the profile.')),
  ),
});

/**
 * SecurityProfileNodeStatus v1alpha1, with what it had before 1.0. The state at top level, which
 * was a string, is no part of it: the operator and the nodes write it, no manifest has it.
 */
export const securityProfileNodeStatusV1alpha1Schema = v.pipe(
  objectSchema,
  ...rule<v.InferOutput<typeof objectSchema>>({
    rule: 'has(self.spec) || has(self.nodeName)',
    message: 'spec.nodeName is required',
    fieldPath: '.spec',
    holds: ({ spec, nodeName }) => spec !== undefined || nodeName !== undefined,
  }),
);

/** SecurityProfileNodeStatus v1alpha1. */
export type SecurityProfileNodeStatusV1alpha1 = v.InferOutput<typeof securityProfileNodeStatusV1alpha1Schema>;
