import * as v from 'valibot';
import type { KubeObject } from '#lib/kube/kube-object';
import { pinnedReferenceSchema } from '../api/shared/artifact-reference.ts';
import { conditionSchema } from '../api/shared/condition.ts';
import { parseImageName } from '../api/shared/image-name.ts';
import type { HeldArtifact, HeldSeccompProfile } from '../bind/cluster-state.ts';

/** A ProfileArtifact or ClusterProfileArtifact, as an admission needs it. */
export interface StoredArtifact extends HeldArtifact {
  /** Absent for a kind of the cluster. */
  readonly namespace: string | undefined;
  /** The image to which it is attached, by its canonical name. */
  readonly image: string | undefined;
}

const conditions = v.fallback(v.optional(v.array(conditionSchema)), undefined);

const artifactSchema = v.object({
  spec: v.object({
    kind: v.optional(v.picklist(['Seccomp', 'AppArmor']), 'Seccomp'),
    image: v.optional(v.string()),
  }),
  status: v.optional(
    v.object({
      reference: v.fallback(v.optional(pinnedReferenceSchema), undefined),
      withdrawn: v.fallback(v.optional(v.object({ reference: pinnedReferenceSchema })), undefined),
      conditions,
    }),
    {},
  ),
});

const seccompProfileSchema = v.object({
  status: v.optional(
    v.object({
      status: v.fallback(v.optional(v.string()), undefined),
      localhostProfile: v.fallback(v.optional(v.string()), undefined),
      conditions,
    }),
    {},
  ),
});

/**
 * Reads a ProfileArtifact or ClusterProfileArtifact. Its digest is in force as long as the
 * condition Ready is True, whatever the registry has meanwhile. Throws valibot's error.
 */
export function parseStoredArtifact(object: KubeObject): StoredArtifact {
  const { spec, status } = v.parse(artifactSchema, object);
  const ready = status.conditions?.find(({ type }) => type === 'Ready');
  const image = spec.image === undefined ? undefined : parseImageName(spec.image);
  return {
    name: object.metadata.name,
    namespace: object.metadata.namespace,
    kind: spec.kind,
    image: image?.digest === undefined ? undefined : `${image.repository}@${image.digest}`,
    ...(ready?.status === 'True'
      ? { reference: status.reference }
      : { problem: ready?.message, withdrawn: status.withdrawn?.reference }),
  };
}

/**
 * Reads a SeccompProfile v1. Pods may name its file when all nodes have it. Throws valibot's error.
 */
export function parseHeldSeccompProfile(object: KubeObject): HeldSeccompProfile {
  const { status, localhostProfile, conditions } = v.parse(seccompProfileSchema, object).status;
  if (status === 'Installed' && localhostProfile !== undefined && localhostProfile !== '') return { localhostProfile };
  const ready = conditions?.find(({ type }) => type === 'Ready');
  return { problem: ready === undefined || ready.message === '' ? status && `its state is ${status}` : ready.message };
}
