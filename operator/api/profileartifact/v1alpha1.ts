import type * as v from 'valibot';
import { followedArtifactSchema } from '../shared/followed-artifact.ts';

/** ProfileArtifact v1alpha1. */
export const profileArtifactSchema = followedArtifactSchema('the object');

/** ProfileArtifact v1alpha1. */
export type ProfileArtifact = v.InferOutput<typeof profileArtifactSchema>;
