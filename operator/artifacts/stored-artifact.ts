import * as v from 'valibot';
import type { ObjectMeta } from '#lib/kube/kube-object';
import { clusterProfileArtifactSchema } from '../api/clusterprofileartifact/v1alpha1.ts';
import { profileArtifactSchema } from '../api/profileartifact/v1alpha1.ts';
import { type FollowedArtifactStatus, followedArtifactStatusSchema } from '../api/shared/followed-artifact.ts';
import { structureOf } from '../validate/structure.ts';
import { describeViolation } from '../validate/verdict.ts';

/** The kinds of objects that follow an artifact, and the schemas of their specifications. */
const schemas = { ProfileArtifact: profileArtifactSchema, ClusterProfileArtifact: clusterProfileArtifactSchema };

export type ArtifactResourceKind = keyof typeof schemas;

/** Which artifact an object follows, and how. */
export type ArtifactSpec = v.InferOutput<(typeof schemas)[ArtifactResourceKind]>['spec'];

/** A ProfileArtifact or ClusterProfileArtifact, as its controller holds it. */
export interface StoredArtifact {
  readonly kind: ArtifactResourceKind;
  readonly metadata: ObjectMeta;
  /** The specification, or what is wrong with one that was stored although it is invalid. */
  readonly spec: ArtifactSpec | { readonly problem: string };
  readonly status: FollowedArtifactStatus;
}

const objectSchema = v.object({
  kind: v.picklist(Object.keys(schemas) as ArtifactResourceKind[]),
  metadata: v.looseObject({
    name: v.string(),
    namespace: v.optional(v.string()),
    uid: v.optional(v.string(), ''),
    resourceVersion: v.string(),
    generation: v.optional(v.number()),
  }),
  spec: v.optional(v.unknown()),
  // What the operator has not written itself is ignored.
  status: v.fallback(v.optional(followedArtifactStatusSchema, {}), {}),
});

/** Reads an object as the API server returns it. Throws valibot's error. */
export function parseStoredArtifact(object: unknown): StoredArtifact {
  const { kind, metadata, spec, status } = v.parse(objectSchema, object);
  const { name, namespace, uid, resourceVersion, generation } = metadata;
  const structure = structureOf(schemas[kind], { spec });
  return {
    kind,
    metadata: { name, namespace, uid, resourceVersion, generation },
    spec:
      'value' in structure ? structure.value.spec : { problem: structure.violations.map(describeViolation).join(' ') },
    status,
  };
}
