import type { ProfileState } from '../api/shared/profile.ts';

/** States of a profile on nodes, first the one that an administrator has to know first. */
export const profileStates: readonly ProfileState[] = [
  'Error',
  'Terminating',
  'Partial',
  'Disabled',
  'Pending',
  'InProgress',
  'Installed',
];

/** What a node reports about a profile. */
export interface NodeReport {
  readonly node: string;
  readonly state: ProfileState;
}

/** A part of the cluster that is not known, so that not all can be decided. */
export interface Unknown {
  readonly reason: string;
  readonly message: string;
}

/** What decides on the state of a profile. */
export interface ProfileFacts {
  readonly isDeleted: boolean;
  readonly isDisabled: boolean;
  /** True for a part of a recording, which is not installed. */
  readonly isPartial: boolean;
  /** Why the profile cannot be installed anywhere. */
  readonly problem?: { readonly reason: string; readonly message: string } | undefined;
  readonly unknown?: Unknown | undefined;
  /** The state that was decided for the same specification before. */
  readonly before?: OverallState | undefined;
  /** The reports of nodes that exist. */
  readonly reports: readonly NodeReport[];
  /** Names of pods (`namespace/name`) that use the profile. */
  readonly workloads: readonly string[];
  /** The finalizers of others, if nothing else keeps the profile. */
  readonly keptBy: readonly string[];
}

/** The state of a profile, and the condition `Ready` for it. */
export interface OverallState {
  readonly state: ProfileState;
  readonly ready: boolean;
  readonly reason: string;
  readonly message: string;
}

/** Names of nodes or pods in one message. */
const mostNamed = 5;

/**
 * Returns the state of a profile: that of the node with the least good one. While not all is known
 * that decides on it, that is the state before, or Pending. The reasons are those of the Security
 * Profiles Operator.
 */
export function overallState(facts: ProfileFacts): OverallState {
  const { isDeleted, isDisabled, isPartial, problem, unknown, before, reports } = facts;
  if (isDeleted) return notReady('Terminating', 'Deleting', deletionMessage(facts));
  if (problem !== undefined) return notReady('Error', problem.reason, problem.message);
  if (isDisabled) return notReady('Disabled', 'Unavailable', 'spec.state is Disabled');
  if (isPartial) return notReady('Partial', 'Unavailable', 'this is a part of a recording that is not merged yet');
  if (unknown !== undefined) return before ?? notReady('Pending', unknown.reason, unknown.message);
  if (reports.length === 0) {
    return notReady(
      'Pending',
      'Pending',
      'no node reports that it has the profile: nodes need an agent that installs profiles',
    );
  }
  const state = profileStates.find((each) => reports.some((report) => report.state === each)) ?? 'Pending';
  const nodes = reports.filter((report) => report.state === state).map(({ node }) => node);
  if (state === 'Installed') {
    return { state, ready: true, reason: 'Available', message: `installed on ${count(reports.length, 'node')}` };
  }
  const message = `${state} on ${nodes.length} of ${count(reports.length, 'node')}: ${few(nodes)}`;
  return notReady(state, reasonOf[state], message);
}

const reasonOf: Readonly<Record<Exclude<ProfileState, 'Installed'>, string>> = {
  Error: 'Unavailable',
  Terminating: 'Deleting',
  Partial: 'Unavailable',
  Disabled: 'Unavailable',
  Pending: 'Creating',
  InProgress: 'Creating',
};

function notReady(state: ProfileState, reason: string, message: string): OverallState {
  return { state, ready: false, reason, message };
}

function deletionMessage({ workloads, keptBy }: ProfileFacts): string {
  if (workloads.length > 0) {
    return `waiting for ${count(workloads.length, 'pod')} to end, which use the profile: ${few(workloads)}`;
  }
  if (keptBy.length > 0) return `waiting for other programs to remove their finalizers: ${few(keptBy)}`;
  return 'the profile is being removed from the nodes';
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

function few(names: readonly string[]): string {
  const listed = names.toSorted().slice(0, mostNamed).join(', ');
  return names.length > mostNamed ? `${listed} and ${names.length - mostNamed} more` : listed;
}
