import { fewNames } from '../bind/judge.ts';
import type { CoveredPod } from './outdated-owners.ts';
import { type ContainerCoverage, type CoverageState, isVouchedFor } from './pod-coverage.ts';

/**
 * The content of a PolicyReport (wgpolicyk8s.io/v1alpha2) besides its metadata, without the times
 * at which results were found; see {@link withTimestamps}.
 */
export interface PolicyReport {
  /** How many results there are of each kind, with those that are left out. */
  readonly summary: Readonly<Record<Result, number>>;
  readonly results: readonly PolicyReportResult[];
}

export type Result = (typeof resultKinds)[number];

export interface PolicyReportResult {
  readonly source: string;
  readonly policy: string;
  readonly rule: string;
  readonly category: string;
  /** Only those that the first schemas of v1alpha2 allow, without `critical` and `info`. */
  readonly severity?: Severity;
  readonly result: Result;
  readonly scored: boolean;
  readonly message: string;
  readonly resources: readonly ReportedResource[];
  readonly properties: ResultProperties;
}

type Severity = (typeof severities)[number];

/** An ObjectReference of Kubernetes. */
export interface ReportedResource {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
}

interface ResultProperties {
  /**
   * By which Policy Reporter knows a result again. By default that is the name and uid of its
   * resource and the message, which does not distinguish workloads of the same name.
   */
  readonly resultID: string;
  readonly [name: string]: string;
}

/** As a time of protobuf. */
export interface Timestamp {
  readonly seconds: number;
  readonly nanos: number;
}

/** The most important first: what does not fit is left out from the end. */
const resultKinds = ['fail', 'warn', 'error', 'pass', 'skip'] as const;
const severities = ['high', 'medium', 'low'] as const;

/**
 * Bytes of the results of a report as JSON. An object of etcd may have 1.5 MiB, and a report is
 * read as a whole by all who follow it.
 */
const mostBytes = 512 * 1024;

const same = { source: 'fairlead', policy: 'verified-profile', category: 'Security Profiles' };

/** The severity of a state without a verified profile. */
const severityOf: Partial<Record<CoverageState, Severity>> = {
  Unconfined: 'high',
  Privileged: 'high',
  Unset: 'medium',
  File: 'medium',
  RuntimeDefault: 'low',
  LoggedArtifact: 'low',
};

/**
 * Returns the report of a namespace, or undefined if no pod of it runs. What creates pods has one
 * result for all pods that are alike in this: `pass` if each container runs under a profile that is
 * vouched for, `skip` if seccomp does not apply, `warn` if profiles are only logged, and otherwise
 * `fail`. Equal coverage makes equal reports, whatever the order of the pods.
 *
 * @param pods all pods of the namespace.
 */
export function policyReport(namespace: string, pods: readonly CoveredPod[]): PolicyReport | undefined {
  const groups = groupPods(pods.filter(({ isRunning }) => isRunning));
  if (groups.length === 0) return undefined;
  const all = groups.map((group) => groupResult(namespace, group));
  const results = fitting(all);
  const leftOut = all.length - results.length;
  const more = leftOut === 0 ? [] : [leftOutResult(namespace, leftOut)];
  const summary = { fail: 0, warn: 0, error: 0, pass: 0, skip: 0 };
  for (const { result } of [...all, ...more]) summary[result] += 1;
  return { summary, results: [...more, ...results] };
}

/**
 * Returns the results of a report with the time at which each was found: that of the result with
 * the same `resultID` before, or else now.
 */
export function withTimestamps(
  results: readonly PolicyReportResult[],
  before: ReadonlyMap<string, Timestamp>,
  now: Date,
): readonly (PolicyReportResult & { readonly timestamp: Timestamp })[] {
  const timestamp = { seconds: Math.floor(now.getTime() / 1000), nanos: 0 };
  return results.map((result) => ({ ...result, timestamp: before.get(result.properties.resultID) ?? timestamp }));
}

/** Pods of one owner with the same result. */
interface PodGroup {
  readonly owner: Omit<ReportedResource, 'namespace'>;
  readonly result: Result;
  readonly pods: readonly CoveredPod[];
}

/** Returns groups in the order in which they are reported. */
function groupPods(pods: readonly CoveredPod[]): readonly PodGroup[] {
  const groups = new Map<string, Omit<PodGroup, 'pods'> & { readonly pods: CoveredPod[] }>();
  for (const pod of pods) {
    const { apiVersion, kind, name } = ownerOf(pod);
    const result = resultOf(pod.containers);
    const key = [resultKinds.indexOf(result), kind, name, apiVersion].join('/');
    const group = groups.get(key) ?? { owner: { apiVersion, kind, name }, result, pods: [] };
    group.pods.push(pod);
    groups.set(key, group);
  }
  return [...groups].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, group]) => group);
}

/** Returns the object by which users identify a pod. The owner of a mirror pod is its node. */
function ownerOf({ owner, name }: CoveredPod): PodGroup['owner'] {
  return owner === undefined || owner.kind === 'Node' ? { apiVersion: 'v1', kind: 'Pod', name } : owner;
}

function resultOf(containers: readonly ContainerCoverage[]): Result {
  const uncovered = containers.filter((each) => !isVouchedFor(each));
  if (uncovered.some(({ state }) => state !== 'LoggedArtifact')) return 'fail';
  if (uncovered.length > 0) return 'warn';
  return containers.every(({ state }) => state === 'Exempt') ? 'skip' : 'pass';
}

function groupResult(namespace: string, { owner, result, pods }: PodGroup): PolicyReportResult {
  const { apiVersion, kind, name } = owner;
  const uncovered = pods.flatMap(({ containers }) => containers.filter((each) => !isVouchedFor(each)));
  const severity = severities.find((each) => uncovered.some(({ state }) => severityOf[state] === each));
  const outdated = pods.filter(({ containers }) => containers.some(({ isOutdated }) => isOutdated)).length;
  return {
    ...same,
    rule: 'seccomp',
    ...(severity !== undefined && { severity }),
    result,
    scored: result === 'fail' || result === 'pass',
    message: messageOf(result, uncovered),
    resources: [{ apiVersion, kind, namespace, name }],
    properties: {
      resultID: [same.source, namespace, apiVersion, kind, name, result].join('/'),
      pods: String(pods.length),
      outdated: String(outdated),
    },
  };
}

function messageOf(result: Result, uncovered: readonly ContainerCoverage[]): string {
  if (result === 'skip') return 'seccomp does not apply: a mirror pod, or a pod for Windows';
  if (result === 'pass')
    return 'each container runs under a profile that is verified, or that is an object of the cluster';
  const containers = [...new Set(uncovered.map(({ title, state }) => `${title} (${state})`))].toSorted();
  const found = `${result === 'warn' ? 'a profile is only logged' : 'without a verified profile'}: ${fewNames(containers).join(', ')}`;
  return uncovered.every(({ isOutdated }) => isOutdated)
    ? `${found}. New pods get a profile: replace the old ones (fairlead cluster outdated).`
    : found;
}

/** Returns as many results, in their order, as a report may have. */
function fitting(results: readonly PolicyReportResult[]): readonly PolicyReportResult[] {
  let left = mostBytes;
  return results.filter((result) => {
    const bytes = Buffer.byteLength(JSON.stringify(result));
    if (bytes > left) return false;
    left -= bytes;
    return true;
  });
}

function leftOutResult(namespace: string, count: number): PolicyReportResult {
  return {
    ...same,
    rule: 'complete-report',
    result: 'warn',
    scored: false,
    message: `the report would be too large: ${count} results are left out, which the summary counts. fairlead cluster coverage counts all pods.`,
    resources: [{ apiVersion: 'v1', kind: 'Namespace', name: namespace }],
    properties: { resultID: [same.source, namespace, 'complete-report'].join('/'), leftOut: String(count) },
  };
}
