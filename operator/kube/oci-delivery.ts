import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import { toFairleadError } from '#lib/errors';
import { parseAnswer } from '#lib/kube/answer';
import type { ApiServer } from '#lib/kube/api-server';
import { Informer } from '#lib/kube/informer';
import type { InformerMetrics } from '#lib/kube/informer-options';
import type { KubeObject } from '#lib/kube/kube-object';
import type { KubeLog } from '#lib/kube/log';
import type { ObjectClient } from '#lib/kube/object-client';
import { type DeliveryFacts, type DeliveryNode, deliveryOf, type OciField } from '../bind/delivery.ts';

export interface OciDeliveryOptions {
  readonly api: ApiServer;
  readonly client: ObjectClient;
  /** Milliseconds after which the schema is read again, ten minutes by default. */
  readonly period?: number | undefined;
  readonly log: KubeLog;
  readonly metrics?: InformerMetrics | undefined;
}

const defaultPeriod = 600_000;
/** Milliseconds after which the schema is read again if that has failed. */
const retryMs = 30_000;

/**
 * Seconds of a watch of nodes. A connection that was lost without a sign is noticed within 45
 * seconds, and Localhost profiles are written from then on: an old node may have joined.
 */
const watchSeconds = 30;

const nodes = { group: '', version: 'v1', plural: 'nodes', kind: 'Node', namespaced: false };
const nodeSchema = v.object({
  status: v.object({
    nodeInfo: v.object({ operatingSystem: v.string(), kubeletVersion: v.string() }),
    declaredFeatures: v.optional(v.array(v.string()), []),
  }),
});
const versionSchema = v.object({ minor: v.string() });
const schemasSchema = v.object({
  components: v.object({
    schemas: v.record(v.string(), v.looseObject({ properties: v.optional(v.record(v.string(), v.unknown()), {}) })),
  }),
});
const referenceSchema = v.union([
  v.object({ $ref: v.string() }),
  v.pipe(
    v.object({ allOf: v.pipe(v.array(v.object({ $ref: v.string() })), v.length(1)) }),
    v.transform(({ allOf }) => allOf[0] ?? { $ref: '' }),
  ),
]);

/** Knows in which namespaces artifacts can be written by the type OCI; see `deliveryOf`. */
export class OciDelivery {
  readonly #options: OciDeliveryOptions;
  readonly #nodes: Informer<DeliveryNode>;
  readonly #stopped = new AbortController();
  #server: Pick<DeliveryFacts, 'field' | 'serverMinor'> = { field: undefined, serverMinor: 0 };
  #running: Promise<void> | undefined;
  #reported: string | undefined;

  constructor(options: OciDeliveryOptions) {
    this.#options = options;
    const { client, log, metrics } = options;
    this.#nodes = new Informer({ client, log, metrics, resource: nodes, parse: parseNode, watchSeconds });
  }

  /** Begins to follow the nodes, and asks the API server for the type from time to time. */
  start(): void {
    this.#nodes.start();
    this.#running ??= this.#follow();
  }

  /** Resolves when no request is open any more. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.all([this.#nodes.stop(), this.#running]);
  }

  /**
   * Returns the field with which an artifact is written into the pods of a namespace with these
   * labels; undefined if it is to be written as a Localhost profile.
   */
  field(namespaceLabels: ReadonlyMap<string, string> | undefined): OciField | undefined {
    const { hasSynced, problem, store } = this.#nodes;
    const isKnown = hasSynced && problem === undefined;
    const facts = { ...this.#server, nodes: isKnown ? [...store.values()] : undefined };
    this.#report(facts);
    const delivery = deliveryOf({ ...facts, namespaceLabels });
    return delivery.type === 'OCI' ? delivery.field : undefined;
  }

  /** Logs how artifacts are written from now on, if that has changed. */
  #report(facts: Omit<DeliveryFacts, 'namespaceLabels'>): void {
    const delivery = deliveryOf({ ...facts, namespaceLabels: new Map() });
    const because = delivery.type === 'OCI' ? '' : delivery.because;
    if (because === this.#reported) return;
    this.#reported = because;
    const { log } = this.#options;
    if (delivery.type === 'OCI') log.info({}, 'artifacts are written into pods by the type OCI');
    else log.info({ because }, 'artifacts are written into pods as Localhost profiles');
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      const waitMs = await this.#ask(signal).then(
        () => this.#options.period ?? defaultPeriod,
        (thrown) => {
          this.#server = { field: undefined, serverMinor: 0 };
          if (!signal.aborted) {
            this.#options.log.warn({ err: toFairleadError(thrown) }, 'whether there is the type OCI is not known');
          }
          return retryMs;
        },
      );
      await sleep(waitMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const { api } = this.#options;
    const read = async (path: string, title: string): Promise<unknown> =>
      parseAnswer(await api.get({ path, title, signal }), title);
    const { minor } = v.parse(versionSchema, await read('/version', "read the API server's version"));
    const field = ociFieldOf(await read('/openapi/v3/api/v1', 'read the schema of pods'));
    this.#server = { field, serverMinor: Number.parseInt(minor, 10) };
  }
}

/**
 * Returns the field with the reference of `securityContext.seccompProfile.oci`, by the OpenAPI v3
 * schema of the core API; undefined if pods do not have it. Throws valibot's error for anything but
 * a schema.
 */
export function ociFieldOf(document: unknown): OciField | undefined {
  const { schemas } = v.parse(schemasSchema, document).components;
  const { oci } = schemas['io.k8s.api.core.v1.SeccompProfile']?.properties ?? {};
  const reference = v.safeParse(referenceSchema, oci);
  if (!reference.success) return undefined;
  const { properties = {} } = schemas[reference.output.$ref.replace('#/components/schemas/', '')] ?? {};
  return (['ref', 'reference'] as const).find((field) => Object.hasOwn(properties, field));
}

function parseNode(object: KubeObject): DeliveryNode {
  const { name } = object.metadata;
  const parsed = v.safeParse(nodeSchema, object);
  // Not every node is one of a kubelet. It is treated as an old one.
  if (!parsed.success) return { name, operatingSystem: '', kubeletVersion: '', declaredFeatures: [] };
  const { nodeInfo, declaredFeatures } = parsed.output.status;
  return { name, ...nodeInfo, declaredFeatures };
}
