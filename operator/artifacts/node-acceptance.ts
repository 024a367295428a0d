import { setCondition } from '#lib/kube/conditions';
import type { FollowedArtifactStatus } from '../api/shared/followed-artifact.ts';
import type { KnownDecisions } from '../node-decisions/node-decisions.ts';
import { noDecisions, nodesAccept, nodesAcceptType } from '../node-decisions/nodes-accept.ts';
import type { ArtifactEvent } from './plan-artifact.ts';
import type { StoredArtifact } from './stored-artifact.ts';

/**
 * Returns a status with the condition that states whether nodes accept the artifact in force, and
 * an event if they have begun to refuse it. While that is not known, the condition stays as it is.
 */
export function withDecisions(
  object: StoredArtifact,
  status: FollowedArtifactStatus,
  decisions: Pick<KnownDecisions, 'about'>,
  now: Date,
): { readonly status: FollowedArtifactStatus; readonly event?: ArtifactEvent } {
  const { conditions = [], reference } = status;
  const held = object.status.conditions?.find(({ type }) => type === nodesAcceptType);
  // The status may be that of the last check, since which the condition was written again.
  const before = held === undefined ? conditions : conditions.map((each) => (each.type === held.type ? held : each));
  const known = reference === undefined ? noDecisions : decisions.about(reference, object.metadata.namespace);
  if (known === undefined && held !== undefined) return { status: { ...status, conditions: before } };
  const condition = { ...nodesAccept(known ?? noDecisions), observedGeneration: object.metadata.generation };
  const { reason, message } = condition;
  const isNew = condition.status === 'False' && held?.status !== 'False';
  return {
    status: { ...status, conditions: setCondition(before, condition, now) },
    ...(isNew && { event: { type: 'Warning', reason, message } as const }),
  };
}
