import * as v from 'valibot';
import { profileStateSchema } from '../shared/profile.ts';

/** The name of a node. */
export const nodeNameSchema = v.pipe(v.string(), v.minLength(1), v.description('The name of the node.'));

/** The status, in all versions. */
export const securityProfileNodeStatusStatusSchema = v.object({ status: v.optional(profileStateSchema) });

/** SecurityProfileNodeStatus v1. */
export const securityProfileNodeStatusSchema = v.object({
  spec: v.pipe(v.object({ nodeName: nodeNameSchema }), v.description('Where the profile is.')),
  status: v.optional(
    v.pipe(securityProfileNodeStatusStatusSchema, v.description('What the node reports of the profile.')),
  ),
});

/** SecurityProfileNodeStatus v1. */
export type SecurityProfileNodeStatus = v.InferOutput<typeof securityProfileNodeStatusSchema>;
