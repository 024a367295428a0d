import type * as v from 'valibot';
import { clusterProfileArtifactSchema } from '../api/clusterprofileartifact/v1alpha1.ts';
import { profileArtifactSchema } from '../api/profileartifact/v1alpha1.ts';
import { structureOf } from './structure.ts';
import { refusing, type Verdict } from './verdict.ts';

/** Validates a ProfileArtifact v1alpha1. No registry is asked for the artifact. */
export function validateProfileArtifact(object: unknown): Verdict {
  return validateArtifact(profileArtifactSchema, object);
}

/** Validates a ClusterProfileArtifact v1alpha1. */
export function validateClusterProfileArtifact(object: unknown): Verdict {
  return validateArtifact(clusterProfileArtifactSchema, object);
}

function validateArtifact(schema: v.GenericSchema, object: unknown): Verdict {
  const structure = structureOf(schema, object);
  return refusing('violations' in structure ? structure.violations : []);
}
