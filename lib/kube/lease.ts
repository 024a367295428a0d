import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import type { KubeObject, ObjectToWrite } from './kube-object.ts';
import type { ObjectName, Resource } from './resource.ts';
import { formatMicroTime } from './time.ts';

export const leases: Resource = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
};

const leaseSchema = v.object({
  spec: v.optional(
    v.object({
      holderIdentity: v.optional(v.string(), ''),
      leaseDurationSeconds: v.optional(v.number()),
      acquireTime: v.optional(v.string()),
      renewTime: v.optional(v.string()),
      leaseTransitions: v.optional(v.number(), 0),
    }),
    {},
  ),
});

/** The content of a Lease. */
export type LeaseSpec = v.InferOutput<typeof leaseSchema>['spec'];

/** Reads a Lease. Throws InvalidInput that names it. */
export function parseLease(object: KubeObject): LeaseSpec {
  const parsed = v.safeParse(leaseSchema, object);
  if (parsed.success) return parsed.output.spec;
  const { namespace, name } = object.metadata;
  throw new FairleadError('InvalidInput', `invalid Lease ${namespace}/${name}: ${v.summarize(parsed.issues)}`, {
    hint: `Delete it: kubectl delete lease --namespace ${namespace} ${name}`,
  });
}

/**
 * Returns the Lease by which `identity` holds it from now on, in place of `held`. Its times are for
 * people; no replica may compare them with its own clock.
 */
export function leaseOf(
  name: ObjectName,
  held: { readonly resourceVersion: string; readonly spec: LeaseSpec } | undefined,
  holder: { readonly identity: string; readonly seconds: number; readonly now: Date },
): ObjectToWrite {
  const now = formatMicroTime(holder.now);
  const isSame = held?.spec.holderIdentity === holder.identity;
  const transitions = held?.spec.leaseTransitions ?? 0;
  return {
    metadata: { ...name, ...(held === undefined ? {} : { resourceVersion: held.resourceVersion }) },
    spec: {
      holderIdentity: holder.identity,
      leaseDurationSeconds: holder.seconds,
      acquireTime: isSame ? (held.spec.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: held === undefined || isSame ? transitions : transitions + 1,
    },
  };
}
