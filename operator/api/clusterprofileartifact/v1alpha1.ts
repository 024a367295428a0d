import type * as v from 'valibot';
import { followedArtifactSchema } from '../shared/followed-artifact.ts';

/** ClusterProfileArtifact v1alpha1. */
export const clusterProfileArtifactSchema = followedArtifactSchema('the operator');

/** ClusterProfileArtifact v1alpha1. */
export type ClusterProfileArtifact = v.InferOutput<typeof clusterProfileArtifactSchema>;
