import { type NewCondition, setCondition } from '#lib/kube/conditions';
import { shorten } from '#lib/text/quote';
import type { Condition } from '../api/shared/condition.ts';
import type { BindingCoverage } from '../coverage/binding-coverage.ts';
import { nodesAcceptType } from '../node-decisions/nodes-accept.ts';

/** The status of an ArtifactBinding or ClusterArtifactBinding. */
export interface BindingStatus {
  readonly observedGeneration?: number | undefined;
  readonly reference?: string | undefined;
  readonly matchedPods?: number | undefined;
  readonly outdatedPods?: number | undefined;
  readonly conflicts?: readonly { readonly pod: string; readonly message: string }[] | undefined;
  readonly conditions?: readonly Condition[] | undefined;
}

/** What the status of a binding is determined from. */
export interface BindingFacts {
  readonly generation: number | undefined;
  /** The Localhost profile that it gives to new pods; undefined if it depends on their images. */
  readonly profile?: string | undefined;
  /** Why it gives none, and the next step. */
  readonly problem?: string | undefined;
  readonly coverage: BindingCoverage;
  /** Whether nodes accept the profile; undefined if that is not known. */
  readonly acceptance?: NewCondition | undefined;
}

/** As in the schema of the status. */
const most = { conflicts: 10, message: 1024 };

/**
 * Returns the status of a binding: whether it gives new pods a profile, and on which running pods
 * it decides. Running pods of which a container would be refused are its conflicts.
 */
export function planBinding(
  { generation, profile, problem, coverage, acceptance }: BindingFacts,
  held: BindingStatus,
  now: Date,
): BindingStatus {
  const conflicts = coverage.conflicts
    .slice(0, most.conflicts)
    .map(({ pod, message }) => ({ pod, message: shorten(message, most.message) }));
  const before = held.conditions?.filter(({ type }) => profile !== undefined || type !== nodesAcceptType) ?? [];
  const ready = { ...readiness(problem, conflicts.length), observedGeneration: generation };
  const accepted = acceptance && { ...acceptance, observedGeneration: generation };
  return {
    observedGeneration: generation,
    ...(profile !== undefined && { reference: profile }),
    matchedPods: coverage.pods,
    outdatedPods: coverage.outdated,
    ...(conflicts.length > 0 && { conflicts }),
    conditions: [ready, ...(accepted ? [accepted] : [])].reduce<readonly Condition[]>(
      (conditions, condition) => setCondition(conditions, condition, now),
      before,
    ),
  };
}

function readiness(problem: string | undefined, conflicts: number): NewCondition {
  if (problem !== undefined) {
    return { type: 'Ready', status: 'False', reason: 'ProfileNotReady', message: problem };
  }
  if (conflicts > 0) {
    const message = 'New pods like some that run would be refused: status.conflicts names them.';
    return { type: 'Ready', status: 'False', reason: 'Conflict', message };
  }
  return { type: 'Ready', status: 'True', reason: 'Bound', message: 'New pods that it selects get its profile.' };
}
