import * as v from 'valibot';
import type { ObjectMeta } from '#lib/kube/kube-object';
import { conditionSchema } from '../api/shared/condition.ts';
import { profileStateSchema } from '../api/shared/profile.ts';
import { profilesGroup } from '../api/shared/resource-definition.ts';
import { stringMap } from '../api/string-map.ts';
import type { ProfileResourceKind } from './profile-kinds.ts';

/** Annotations of a profile that the operator writes. */
export const annotations = {
  /** The syscalls with those of the bases, as JSON; the name is that of SPO. */
  syscalls: 'syscalls',
  /** The artifacts that these contain, by digest, in a list with commas. */
  bases: 'fairlead.dev/base-artifacts',
  /** Since when no pod has used a profile whose deletion was requested. */
  unusedSince: 'fairlead.dev/unused-since',
} as const;

/** Set on a part of a recording. */
const partialLabel = 'spo.x-k8s.io/partial';

const objectSchema = v.object({
  kind: v.picklist(['SeccompProfile', 'SelinuxProfile', 'RawSelinuxProfile', 'AppArmorProfile']),
  metadata: v.looseObject({
    name: v.string(),
    uid: v.optional(v.string(), ''),
    resourceVersion: v.string(),
    generation: v.optional(v.number()),
    deletionTimestamp: v.nullish(v.string()),
    finalizers: v.nullish(v.array(v.string()), []),
    labels: v.nullish(stringMap),
    annotations: v.nullish(stringMap),
  }),
  spec: v.optional(v.unknown()),
  status: v.optional(v.unknown()),
});

const switchesSchema = v.object({ state: v.optional(v.unknown()), baseProfileName: v.optional(v.unknown()) });

/** What the operator has reported of a profile. What it has not written itself is ignored. */
const statusSchema = v.object({
  conditions: v.optional(v.array(conditionSchema)),
  status: v.optional(v.fallback(v.optional(profileStateSchema), undefined)),
  localhostProfile: v.optional(v.string()),
  path: v.optional(v.string()),
  usage: v.optional(v.string()),
  activeWorkloads: v.optional(v.array(v.string())),
});

/** The status of a profile of any kind. */
export type ProfileStatus = v.InferOutput<typeof statusSchema>;

/** A profile, as a controller holds it. */
export interface StoredProfile {
  readonly kind: ProfileResourceKind;
  /** Without the fields that are not read. */
  readonly metadata: ObjectMeta;
  /** When deletion was requested, in milliseconds since 1970. */
  readonly deletedAt?: number | undefined;
  readonly finalizers: readonly string[];
  /** Those of {@link annotations} that it has. */
  readonly annotations: ReadonlyMap<string, string>;
  readonly isPartial: boolean;
  readonly isDisabled: boolean;
  readonly baseProfileName?: string | undefined;
  readonly status: ProfileStatus;
  /** Kind, name and specification as JSON: thousands of them take much less memory so. */
  readonly json: string;
}

const ownAnnotations: readonly string[] = Object.values(annotations);

/** Reads a profile of any kind as the API server returns it, v1. Throws valibot's error. */
export function parseStoredProfile(object: unknown): StoredProfile {
  const { kind, metadata, spec, status } = v.parse(objectSchema, object);
  const { name, uid, resourceVersion, generation, deletionTimestamp, finalizers } = metadata;
  const parsedStatus = v.safeParse(statusSchema, status ?? {});
  const switches = v.safeParse(switchesSchema, spec);
  const { state, baseProfileName } = switches.success ? switches.output : {};
  return {
    kind,
    metadata: { name, uid, resourceVersion, generation },
    ...(deletionTimestamp != null && { deletedAt: Date.parse(deletionTimestamp) }),
    finalizers: finalizers ?? [],
    annotations: new Map([...(metadata.annotations ?? [])].filter(([key]) => ownAnnotations.includes(key))),
    isPartial: metadata.labels?.get(partialLabel) === 'true',
    isDisabled: state === 'Disabled',
    ...(typeof baseProfileName === 'string' && baseProfileName !== '' && { baseProfileName }),
    status: parsedStatus.success ? parsedStatus.output : {},
    json: JSON.stringify({ apiVersion: `${profilesGroup}/v1`, kind, metadata: { name }, spec }),
  };
}
