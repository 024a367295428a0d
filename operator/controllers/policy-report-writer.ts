import { setImmediate as nextTurn } from 'node:timers/promises';
import { toFairleadError } from '#lib/errors';
import { ApiError, isInEndingNamespace, isMissingCollection, isNotFound, isOutage } from '#lib/kube/api-error';
import { Informer } from '#lib/kube/informer';
import type { InformerMetrics } from '#lib/kube/informer-options';
import type { KubeObject } from '#lib/kube/kube-object';
import type { KubeLog } from '#lib/kube/log';
import { mergePatchOf } from '#lib/kube/merge-patch';
import type { ObjectClient } from '#lib/kube/object-client';
import { type ObjectName, objectKey, parseObjectKey, type Resource } from '#lib/kube/resource';
import { TokenBucket } from '#lib/kube/token-bucket';
import { type Failure, type Processed, WorkQueue } from '#lib/kube/work-queue';
import type { CoveredPod } from '../coverage/outdated-owners.ts';
import { type PolicyReport, policyReport, withTimestamps } from '../coverage/policy-report.ts';
import { fieldManager } from '../kube/field-manager.ts';
import {
  contentDigest,
  contentOf,
  isOwn,
  ownLabels,
  reportName,
  type StoredReport,
  storedReport,
  timestampsOf,
} from './stored-policy-report.ts';

export interface PolicyReportWriterOptions {
  readonly client: ObjectClient;
  /** The kind of reports, one of `reportResources`. */
  readonly resource: Resource;
  /** Returns what all pods run under, which may be some seconds old. */
  coverage(): Promise<{ readonly pods: readonly CoveredPod[] }>;
  /** Milliseconds after which reports are compared with the coverage, and one is written again. */
  readonly period: number;
  readonly log: KubeLog;
  readonly metrics?: InformerMetrics | undefined;
}

/** The rate at which reports are written, in all namespaces together. */
const writeRate = { burst: 10, everyMs: 200 };
/** The key under which all namespaces are added. It is not the name of one. */
const everything = '*';

/** What was written last in a namespace. */
interface Written {
  /** In time of `performance.now`. */
  readonly at: number;
  /** The digest of what was to be written. */
  readonly wanted: string;
  /** That of what the API server has stored, if a schema of it lacks some fields. */
  readonly stored: string;
}

/**
 * Keeps a report in each namespace in which pods run as their coverage is, and none in
 * others, until it is stopped. All pods and bindings have to be known when it is made.
 */
export class PolicyReportWriter {
  readonly #options: PolicyReportWriterOptions;
  readonly #reports: Informer<StoredReport>;
  readonly #queue: WorkQueue;
  readonly #rate = new TokenBucket(writeRate);
  readonly #written = new Map<string, Written>();
  /** The uids of reports that were found not to be the operator's. */
  readonly #foreign = new Set<string>();
  /** The pods of a coverage by their namespaces, for as long as it is the current one. */
  readonly #byNamespace = new WeakMap<object, ReadonlyMap<string, readonly CoveredPod[]>>();
  #isStopped = false;

  /** Begins to follow and to write reports. */
  constructor(options: PolicyReportWriterOptions) {
    this.#options = options;
    const { client, resource, log, metrics } = options;
    this.#reports = new Informer({
      ...{ client, metrics, resource, parse: storedReport },
      // By RBAC, no other may be read.
      selection: { fieldSelector: `metadata.name=${reportName}` },
      log: exceptUnserved(log),
    });
    this.#queue = new WorkQueue({
      concurrency: 1,
      process: (key) => (key === everything ? this.#addAll() : this.#reconcile(key)),
      isOutage,
      onFailure: (failure) => this.#logFailure(failure),
    });
    this.#reports.start();
    this.#reports.synced().then(
      () => this.#begin(),
      // Stopped before.
      () => undefined,
    );
  }

  /** Resolves when no request is open any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all([this.#queue.stop(), this.#reports.stop()]);
  }

  #begin(): void {
    this.#reports.onChange(({ key }) => this.#queue.add(parseObjectKey(key).namespace ?? ''));
    this.#queue.add(everything);
  }

  async #addAll(): Promise<Processed> {
    const pods = await this.#podsByNamespace();
    const held = [...this.#reports.store.keys()].map((key) => parseObjectKey(key).namespace ?? '');
    for (const namespace of new Set([...pods.keys(), ...held, ...this.#written.keys()])) this.#queue.add(namespace);
    return { requeueAfter: this.#options.period };
  }

  async #podsByNamespace(): Promise<ReadonlyMap<string, readonly CoveredPod[]>> {
    const { pods } = await this.#options.coverage();
    const known = this.#byNamespace.get(pods) ?? Map.groupBy(pods, ({ namespace }) => namespace);
    this.#byNamespace.set(pods, known);
    return known;
  }

  async #reconcile(namespace: string): Promise<Processed | undefined> {
    const { client, resource } = this.#options;
    // Many may follow one another, of which nothing is written.
    await nextTurn();
    const name = { namespace, name: reportName };
    const report = policyReport(namespace, (await this.#podsByNamespace()).get(namespace) ?? []);
    const held = this.#reports.store.get(objectKey(name));
    if (held !== undefined && !held.isOwn) return this.#leaveAlone(name, held);
    const wanted = report && contentDigest(report);
    const written = this.#written.get(namespace);
    if (report === undefined && held === undefined) this.#written.delete(namespace);
    if (held?.digest === wanted || (written?.wanted === wanted && written?.stored === held?.digest)) return undefined;
    const wait = written === undefined ? 0 : written.at + this.#options.period - performance.now();
    if (wait > 0) return { requeueAfter: wait };
    await this.#rate.turn();
    if (this.#isStopped) return undefined;
    if (report !== undefined) await this.#write(name, held, report);
    else if (held !== undefined) await unlessGone(client.delete(resource, name, held.metadata));
    return undefined;
  }

  async #write(
    name: ObjectName & { namespace: string },
    held: StoredReport | undefined,
    report: PolicyReport,
  ): Promise<void> {
    const stored = await unlessGone(held === undefined ? this.#create(name, report) : this.#change(name, report));
    if (stored === undefined) return;
    const digests = { wanted: contentDigest(report), stored: contentDigest(contentOf(stored)) };
    this.#written.set(name.namespace, { at: performance.now(), ...digests });
  }

  /** Throws Conflict if a report with this name exists, regardless of its owner. */
  async #create(name: ObjectName, report: PolicyReport): Promise<KubeObject> {
    const { client, resource } = this.#options;
    const results = withTimestamps(report.results, new Map(), new Date());
    const object = { ...report, metadata: { ...name, labels: ownLabels }, results };
    return await client.create(resource, object, { fieldManager });
  }

  /**
   * Replaces the content of a report as it is now. Not by server-side apply, which leaves what
   * others have added. Throws Conflict if it is changed meanwhile.
   */
  async #change(name: ObjectName, report: PolicyReport): Promise<KubeObject | undefined> {
    const { client, resource } = this.#options;
    const before = await client.get(resource, name);
    // As the informer is going to know.
    if (!isOwn(before)) return undefined;
    const results = withTimestamps(report.results, timestampsOf(before), new Date());
    const patch = mergePatchOf(contentOf(before), { ...report, results });
    if (patch === undefined) return before;
    const { uid, resourceVersion } = before.metadata;
    return await client.mergePatch(resource, name, { ...patch, metadata: { uid, resourceVersion } }, { fieldManager });
  }

  #leaveAlone({ namespace, name }: ObjectName, { metadata }: StoredReport): undefined {
    if (this.#foreign.has(metadata.uid)) return;
    this.#foreign.add(metadata.uid);
    this.#options.log.info({ namespace, name, labels: ownLabels }, 'a report without our labels is left alone');
  }

  #logFailure({ key, thrown, failures, againAfterMs }: Failure): void {
    const { log } = this.#options;
    const fields = { namespace: key, err: toFairleadError(thrown), failures, againAfterMs };
    // Changed meanwhile, or the CustomResourceDefinition is being deleted.
    const isUsual = thrown instanceof ApiError && ([404, 405, 409].includes(thrown.status) || isOfEndingApi(thrown));
    if (isUsual) log.debug(fields, 'a report is not written yet');
    else log.warn(fields, 'a report could not be written');
  }
}

/** Kubernetes 1.36 refuses an object of an API that is being deleted as it does without rights. */
function isOfEndingApi({ status, summary }: ApiError): boolean {
  return status === 403 && summary.includes('custom resource definition is terminating');
}

/** Returns undefined if an object or its namespace exists no more, or not much longer. */
async function unlessGone<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (thrown) {
    if (isNotFound(thrown) || isInEndingNamespace(thrown)) return undefined;
    throw thrown;
  }
}

/** Returns a log without warnings about an API that is not served: the caller handles that case. */
function exceptUnserved(log: KubeLog): KubeLog {
  return {
    debug: (fields, message) => log.debug(fields, message),
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => {
      if ('err' in fields && isMissingCollection(fields.err)) log.debug(fields, message);
      else log.warn(fields, message);
    },
    error: (fields, message) => log.error(fields, message),
  };
}
