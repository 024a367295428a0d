import type { ErrorKind } from '#lib/errors';
import type { NewCondition } from '#lib/kube/conditions';
import type { NodeRefusal } from './pod-decisions.ts';

/** A pod that its node refuses because of an artifact. */
export interface RefusedPod extends NodeRefusal {
  /** `namespace/name`. */
  readonly pod: string;
  readonly node: string;
}

/** What pods show about an artifact. */
export interface ArtifactDecisions {
  /** Whether a container runs under it. */
  readonly isAccepted: boolean;
  readonly refused: readonly RefusedPod[];
}

/** What pods show about an artifact that none of them names. */
export const noDecisions: ArtifactDecisions = { isAccepted: false, refused: [] };

/** The type of the condition. */
export const nodesAcceptType = 'NodesAccept';

/** The kinds of errors by which a node has not decided: it may accept the artifact later. */
const undecided: ReadonlySet<ErrorKind> = new Set<ErrorKind>(['Unavailable', 'Conflict', 'Internal']);
/** Most kinds of refusals in a message. */
const most = 3;

const hintForNodes =
  'Nodes do not use pullSecret: give them a credential provider, or credentials in a file of their own.';

/** Returns the condition of an artifact that states whether the nodes of its pods accept it. */
export function nodesAccept({ isAccepted, refused }: ArtifactDecisions): Omit<NewCondition, 'observedGeneration'> {
  const type = nodesAcceptType;
  const decided = refused.filter(({ kind }) => !undecided.has(kind));
  if (decided.length > 0) {
    const isAboutCredentials = decided.every(({ kind }) => kind === 'Unauthenticated');
    const reason = isAboutCredentials ? 'NodesUnauthenticated' : 'NodesRefuse';
    return { type, status: 'False', reason, message: `Nodes refuse it. ${refusalsInWords(decided)}` };
  }
  if (isAccepted) {
    return { type, status: 'True', reason: 'Accepted', message: 'Containers run under it, and no node refuses it.' };
  }
  if (refused.length > 0) {
    const message = `No node has decided. ${refusalsInWords(refused)}`;
    return { type, status: 'Unknown', reason: 'NodesUnavailable', message };
  }
  return { type, status: 'Unknown', reason: 'NotReported', message: 'No pod shows whether nodes accept it.' };
}

/** Names a pod for each kind of refusal, the kinds with the most pods first. */
function refusalsInWords(refused: readonly RefusedPod[]): string {
  const groups = [...Map.groupBy(refused, ({ kind }) => kind)].toSorted(
    ([kind, pods], [otherKind, others]) => others.length - pods.length || compareText(kind, otherKind),
  );
  return groups
    .slice(0, most)
    .map(([kind, pods]) => {
      const [{ pod, node, reason }] = pods.toSorted((a, b) => compareText(a.pod, b.pod)) as [RefusedPod];
      const waiting = pods.length === 1 ? 'Pod' : `${pods.length} pods wait, such as`;
      const text = `${waiting} ${pod} on node ${node}${pods.length === 1 ? ' waits' : ''}: ${kind}: ${withPeriod(reason)}`;
      return kind === 'Unauthenticated' ? `${text} ${hintForNodes}` : text;
    })
    .join(' ');
}

function withPeriod(text: string): string {
  return /[.…)]$/.test(text) ? text : `${text}.`;
}

function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
