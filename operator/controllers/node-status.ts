import * as v from 'valibot';
import { type ProfileState, profileStateSchema } from '../api/shared/profile.ts';
import { stringMap } from '../api/string-map.ts';
import { profileId, profileIdLabel } from './profile-id.ts';

/** A SecurityProfileNodeStatus, as a controller holds it. */
export interface NodeStatus {
  readonly name: string;
  readonly node: string;
  readonly state: ProfileState;
  /** The profile that it is about, as {@link profileKey} or `profileId` writes it. */
  readonly about: readonly string[];
}

const schema = v.object({
  metadata: v.looseObject({
    name: v.string(),
    labels: v.nullish(stringMap),
    ownerReferences: v.nullish(v.array(v.looseObject({ kind: v.string(), name: v.string() })), []),
  }),
  spec: v.object({ nodeName: v.string() }),
  status: v.optional(v.object({ status: v.optional(profileStateSchema, 'Pending') }), { status: 'Pending' }),
});

/** Returns the key of a profile: profiles of different kinds may have the same name. */
export function profileKey({ kind, name }: { readonly kind: string; readonly name: string }): string {
  return `${kind}/${name}`;
}

/** Returns the keys by which reports about a profile are found in {@link NodeStatus.about}. */
export function reportKeys(profile: { readonly kind: string; readonly name: string }): readonly string[] {
  return [profileKey(profile), profileId(profile.kind, profile.name)];
}

/**
 * Reads the report of a node as the API server returns it, v1. It names its profile as owner or by
 * a label; its own name does not tell the kind. Throws valibot's error.
 */
export function parseNodeStatus(object: unknown): NodeStatus {
  const { metadata, spec, status } = v.parse(schema, object);
  const owners = (metadata.ownerReferences ?? []).map(profileKey);
  const label = metadata.labels?.get(profileIdLabel);
  const about = owners.length > 0 || label === undefined ? owners : [label];
  return { name: metadata.name, node: spec.nodeName, state: status.status, about };
}
