import { type NewCondition, setCondition } from '#lib/kube/conditions';
import { shorten } from '#lib/text/quote';
import type { Condition } from '../api/shared/condition.ts';
import type { ProfileSource } from '../bind/binding.ts';
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
  /** Where it has the profile from. */
  readonly source: ProfileSource['from'];
  /** Why new pods are refused because of other bindings, and the next step. */
  readonly conflict?: string | undefined;
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
export function planBinding(facts: BindingFacts, held: BindingStatus, now: Date): BindingStatus {
  const { generation, profile, coverage, acceptance } = facts;
  const conflicts = coverage.conflicts
    .slice(0, most.conflicts)
    .map(({ pod, message }) => ({ pod, message: shorten(message, most.message) }));
  const before = held.conditions?.filter(({ type }) => profile !== undefined || type !== nodesAcceptType) ?? [];
  const ready = { ...readiness(facts), observedGeneration: generation };
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

function readiness({ problem, conflict, source, coverage }: BindingFacts): NewCondition {
  if (problem !== undefined) {
    return { type: 'Ready', status: 'False', reason: 'ProfileNotReady', message: problem };
  }
  if (conflict !== undefined) return { type: 'Ready', status: 'False', reason: 'Conflict', message: conflict };
  if (coverage.conflicts.length > 0) {
    const message = 'New pods like some that run would be refused: status.conflicts names them.';
    return { type: 'Ready', status: 'False', reason: 'Conflict', message };
  }
  return { type: 'Ready', status: 'True', reason: 'Bound', message: bound[source] };
}

const getIt = 'New pods that it selects get its profile.';
/** What new pods get, by where the profile is from. */
const bound: Readonly<Record<ProfileSource['from'], string>> = {
  reference:
    `${getIt} The operator does not verify the artifact of spec.reference: nodes do, and pods wait if it does not exist or is ` +
    'not allowed. To have it verified before, follow it with a ProfileArtifact and name that in artifactRef.',
  artifact: getIt,
  image: 'New pods get the profile of their images. Those whose image has no verified profile are refused.',
  seccompProfile: getIt,
};
