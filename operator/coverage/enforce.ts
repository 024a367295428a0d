import { quote } from '../../lib/text/quote.ts';
import type { Pod } from '../api/pod.ts';
import type { Refused } from '../bind/decide.ts';
import { fewNames } from '../bind/judge.ts';
import type { ResolvingContext } from '../bind/resolve-profile.ts';
import { type ContainerState, type CoverageState, containerStates, isVouchedFor } from './pod-coverage.ts';

/** The label of a namespace that says what happens to pods without a verified profile. */
export const enforceLabel = 'fairlead.dev/enforce';

const levels = ['audit', 'warn', 'enforce'] as const;

/** What is reported of a pod that is admitted. */
export interface Reported {
  readonly outcome: 'reported';
  /** For the audit log of the API server, and the log. */
  readonly report: string;
  /** For the author of the pod, if the namespace asks for that. */
  readonly warning?: string;
}

/** What a namespace asks for. */
interface Demand {
  readonly level: (typeof levels)[number];
  /** The label as the cause of a refusal. */
  readonly because: string;
}

/** Most containers in a warning, of which clients show 256 characters. */
const mostWarned = 3;

/**
 * Returns what the label {@link enforceLabel} of a namespace makes of a pod that is to be stored:
 * undefined if each container runs under a profile that is vouched for, by the function that counts
 * the coverage, or if the namespace asks for nothing. Of an update, containers count that had such
 * a profile before, or were not there: a pod may be older than the label. A value that is not known
 * is treated as `enforce`. Refuses for a moment what depends on labels that are not known yet.
 *
 * @param before the pod that is stored now, if it is an update.
 */
export function enforceCoverage(
  pod: Pod,
  before: Pod | undefined,
  context: ResolvingContext,
): Refused | Reported | undefined {
  const old = new Set(before === undefined ? [] : uncovered(before, context).map(({ key }) => key));
  const containers = uncovered(pod, context).filter(({ key }) => !old.has(key));
  const [first] = containers;
  if (first === undefined) return undefined;
  const demand = demandOf(context);
  if (demand === undefined || 'outcome' in demand) return demand;
  const texts = containers.map(({ title, state, isNative }) => `${title} (${isNative ? 'type OCI' : state})`);
  const report = fewNames(texts).join(', ');
  if (demand.level === 'enforce') {
    return {
      outcome: 'refused',
      reason: `${demand.because}, and the pod has containers without a verified profile: ${report}`,
      hint: hintFor(first),
    };
  }
  if (demand.level === 'audit') return { outcome: 'reported', report };
  const names = fewNames(texts, mostWarned).join(', ');
  return { outcome: 'reported', report, warning: `without a verified profile: ${names}. ${hintFor(first)}` };
}

/**
 * {@link enforceCoverage} for ephemeral containers that come without their pod, as from API servers
 * before Kubernetes 1.22: whether they have a profile is not known, so that they are treated as
 * containers without one.
 */
export function enforceUnseenPod(context: ResolvingContext): Refused | Reported | undefined {
  const demand = demandOf(context);
  if (demand === undefined || 'outcome' in demand) return demand;
  const unseen =
    'an API server before Kubernetes 1.22 does not show the pod that an ephemeral container is added to, so that its ' +
    'profile is not known';
  if (demand.level === 'audit') return { outcome: 'reported', report: unseen };
  if (demand.level === 'warn') return { outcome: 'reported', report: unseen, warning: unseen };
  const hint = 'Debug with a separate pod, or upgrade the API server.';
  return { outcome: 'refused', reason: `${demand.because}, and ${unseen}`, hint };
}

function demandOf({ namespace, cluster }: ResolvingContext): Demand | Refused | undefined {
  const labels = cluster.namespaceLabels(namespace);
  if (labels === undefined) {
    return {
      outcome: 'refused',
      reason: `the labels of the namespace ${namespace} are not known yet, and ${enforceLabel} may require a verified profile`,
      hint: 'Retry in a few seconds; Deployments, Jobs and other controllers retry by themselves.',
      isTemporary: true,
    };
  }
  const value = labels.get(enforceLabel);
  if (value === undefined) return undefined;
  const level = levels.find((each) => each === value);
  if (level !== undefined)
    return { level, because: `the namespace ${namespace} has the label ${enforceLabel}=${level}` };
  return {
    level: 'enforce',
    because: `the label ${enforceLabel} of the namespace ${namespace} is ${quote(value)}, which is treated as enforce: valid values are ${levels.join(', ')}`,
  };
}

/**
 * Returns the containers of a pod that no profile is vouched for. Those of type OCI (KEP-6061) are
 * not covered unless all kubelets know it: those before 1.38 run this type unconfined.
 */
function uncovered(pod: Pod, { namespace, cluster }: ResolvingContext): readonly ContainerState[] {
  const isKnown = cluster.ociField?.(namespace) !== undefined;
  return containerStates(pod).filter((each) => !isVouchedFor(each) || (each.isNative && !isKnown));
}

const hints: Partial<Record<CoverageState, string>> = {
  Artifact: 'Name the artifact as type Localhost, with localhostProfile oci/REFERENCE.',
  LoggedArtifact: 'Remove mode: Log from the binding: the profile is not enforced with it.',
  Privileged: 'Remove privileged: true, because no seccomp profile applies to a privileged container.',
};

function hintFor({ state }: ContainerState): string {
  return (
    hints[state] ?? 'Create an ArtifactBinding that selects the pod (docs/guides/cluster.md), and create the pod again.'
  );
}
