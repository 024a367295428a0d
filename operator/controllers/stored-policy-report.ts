import { createHash } from 'node:crypto';
import * as v from 'valibot';
import type { KubeObject, ObjectMeta } from '#lib/kube/kube-object';
import type { Resource } from '#lib/kube/resource';
import type { Timestamp } from '../coverage/policy-report.ts';

/**
 * Reports of what policies have found, as dashboards read them; the APIs are not ours. OpenReports
 * continues the API of the policy working group, with the same fields.
 */
export const reportResources: readonly Resource[] = [
  { group: 'wgpolicyk8s.io', version: 'v1alpha2', plural: 'policyreports', kind: 'PolicyReport', namespaced: true },
  { group: 'openreports.io', version: 'v1alpha1', plural: 'reports', kind: 'Report', namespaced: true },
];

/** The name of the report in each namespace. */
export const reportName = 'fairlead';

/** What the operator's own reports have: one of the same name without it is not touched. */
export const ownLabels = { 'app.kubernetes.io/managed-by': 'fairlead' } as const;

/** A report as it is held in memory: not its content. */
export interface StoredReport {
  readonly metadata: Pick<ObjectMeta, 'uid' | 'resourceVersion'>;
  /** See {@link isOwn}. */
  readonly isOwn: boolean;
  /** See {@link contentDigest}. */
  readonly digest: string;
}

/** Returns what is held of a report. */
export function storedReport(object: KubeObject): StoredReport {
  const { uid, resourceVersion } = object.metadata;
  return { metadata: { uid, resourceVersion }, isOwn: isOwn(object), digest: contentDigest(contentOf(object)) };
}

/** Reports whether the operator has written a report. */
export function isOwn({ metadata }: KubeObject): boolean {
  return Object.entries(ownLabels).every(([name, value]) => metadata.labels?.[name] === value);
}

/** Returns all of an object but what every object has. */
export function contentOf({
  apiVersion: _,
  kind: __,
  metadata: ___,
  ...content
}: KubeObject): Readonly<Record<string, unknown>> {
  return content;
}

/**
 * Returns a digest of the content of a report that does not depend on times and on the order of
 * members.
 */
export function contentDigest(content: object): string {
  const text = JSON.stringify(content, (name, value: unknown) => {
    if (name === 'timestamp') return undefined;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1)));
  });
  return createHash('sha256').update(text).digest('base64');
}

const timedSchema = v.object({
  properties: v.object({ resultID: v.string() }),
  timestamp: v.object({ seconds: v.number(), nanos: v.number() }),
});

/** Returns when the results of a report were found, by their `resultID`. */
export function timestampsOf(object: KubeObject): ReadonlyMap<string, Timestamp> {
  const { results } = object;
  const timed = (Array.isArray(results) ? results : []).filter((each) => v.is(timedSchema, each));
  return new Map(
    timed.map(({ properties, timestamp: { seconds, nanos } }) => [properties.resultID, { seconds, nanos }]),
  );
}
