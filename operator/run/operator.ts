import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { Registry } from 'prom-client';
import { Turns } from '#lib/concurrency/turns';
import { Drain } from '#lib/http/drain';
import { formatListenAddress, type ListenAddress, listen, parseListenAddress } from '#lib/http/listen-address';
import { metrics } from '#lib/http/metrics';
import type { ApiServer } from '#lib/kube/api-server';
import { KubeMetrics } from '#lib/kube/metrics';
import { ObjectClient } from '#lib/kube/object-client';
import { ArtifactMetrics } from '../artifacts/artifact-metrics.ts';
import { CoverageMetrics } from '../controllers/coverage-metrics.ts';
import { ProfileMetrics } from '../controllers/profile-metrics.ts';
import { type AdmissionSource, admissionSource } from '../kube/admission-source.ts';
import { openApiServer } from '../kube/api-server.ts';
import { ClusterObjects } from '../kube/cluster-objects.ts';
import { daemonSource } from '../kube/daemon-settings.ts';
import { type BindingSource, bindingSource } from '../kube/list-bindings.ts';
import { NamespaceGuard } from '../kube/namespace-guard.ts';
import { OciDelivery } from '../kube/oci-delivery.ts';
import { profileRoute } from '../webhooks/validate-profiles.ts';
import { webhookServer } from '../webhooks/webhook.ts';
import { type CertificateSource, openCertificateSource, ownNamespace } from './certificate-source.ts';
import { LeadingControllers } from './leading-controllers.ts';

export interface OperatorOptions {
  /** Path of a kubeconfig; by default, the ServiceAccount of the pod that we run in. */
  readonly kubeconfig?: string | undefined;
  /** `host:port` or `[IPv6]:port`; port 0 takes any free one. */
  readonly listen: string;
  /**
   * PEM files. Replaced ones are used within ten seconds. Without them, the operator makes the
   * certificate, and keeps it in a Secret.
   */
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  /**
   * PEM certificates of the authorities whose clients may send reviews; by default any client may.
   * Replaced like the others.
   */
  readonly clientCa?: string | undefined;
  /**
   * How artifacts are written into pods: as Localhost profiles by default; with `oci` by the type
   * OCI, where all kubelets know it.
   */
  readonly delivery?: 'localhost' | 'oci' | undefined;
  /** File of the trust policy; by default, the TrustPolicy object decides. */
  readonly policy?: string | undefined;
  readonly log: FastifyBaseLogger;
}

export interface Operator {
  /** The address at which the webhook listens, `host:port`. */
  readonly address: string;
  /**
   * Stops when no API server uses the operator any more. Calls are answered until then, at least
   * for `delay` milliseconds and at most for 100 seconds longer. The replica is not ready
   * meanwhile.
   */
  drain(delay: number): Promise<void>;
  /** Stops listening and waits for the running calls. */
  stop(): Promise<void>;
}

/** API servers keep a connection for 90 seconds after its last call. */
export const idleConnectionMs = 100_000;

/**
 * Starts the operator: the webhooks that write bound profiles into pods and verify that they are
 * there. It starts even if the API server is unreachable, and is not ready until it is reachable,
 * nor while a namespace has the name of another ({@link NamespaceGuard}). Throws InvalidInput for
 * an invalid kubeconfig, address or TLS file, Unavailable if the address is in use.
 */
export async function startOperator(options: OperatorOptions): Promise<Operator> {
  const { log } = options;
  const address = parseListenAddress(options.listen);
  const registry = new Registry();
  const kube = new KubeMetrics(registry);
  const api = await openApiServer(options.kubeconfig, kube);
  let namespaces: NamespaceGuard | undefined;
  let certificate: CertificateSource | undefined;
  let controllers: LeadingControllers | undefined;
  const client = new ObjectClient(api);
  const delivery = options.delivery === 'oci' ? new OciDelivery({ api, client, log, metrics: kube }) : undefined;
  const objects = new ClusterObjects({ client, delivery, log, metrics: kube });
  const namespace = await ownNamespace();
  const bindings = bindingSource({ api, namespace, log, metrics: kube });
  try {
    certificate = await openCertificateSource(options, { api, host: address.host, log });
    if (options.clientCa === undefined) {
      log.warn(
        { hint: 'Restrict access with a NetworkPolicy, or set `clientCa`.' },
        'any client that can reach the webhook may send reviews',
      );
    }
    namespaces = await NamespaceGuard.start(api, log);
    delivery?.start();
    objects.start();
    bindings.start();
    controllers = await LeadingControllers.start({
      ...{ api, now: () => api.now(), cluster: objects, namespace, policy: options.policy, log },
      ...{
        metrics: kube,
        profileMetrics: new ProfileMetrics(registry),
        artifactMetrics: new ArtifactMetrics(registry),
        coverageMetrics: new CoverageMetrics(registry),
      },
    });
    const server = webhookServer(
      guarded(admissionSource(bindings, objects), namespaces, certificate),
      certificate.tls,
      log,
    );
    void server.register(profileRoute, { daemon: daemonSource(api, namespace), log });
    void server.register(metrics, { service: 'operator', turns: new Turns(), registry });
    const drain = new Drain(server);
    const bound = await listen(server, address);
    await certificate.start();
    return new RunningOperator(bound, {
      server,
      drain,
      certificate,
      namespaces,
      objects,
      bindings,
      delivery,
      controllers,
      api,
      log,
    });
  } catch (error) {
    await controllers?.stop();
    await Promise.all([objects.stop(), bindings.stop(), delivery?.stop()]);
    namespaces?.stop();
    await certificate?.stop();
    api.close();
    throw error;
  }
}

interface RunningParts {
  readonly server: FastifyInstance;
  readonly drain: Drain;
  readonly certificate: CertificateSource;
  readonly namespaces: NamespaceGuard;
  readonly objects: ClusterObjects;
  readonly bindings: BindingSource;
  readonly delivery: OciDelivery | undefined;
  readonly controllers: LeadingControllers;
  readonly api: ApiServer;
  readonly log: FastifyBaseLogger;
}

class RunningOperator implements Operator {
  readonly address: string;
  readonly #parts: RunningParts;

  constructor(bound: ListenAddress, parts: RunningParts) {
    this.address = formatListenAddress(bound);
    this.#parts = parts;
  }

  async drain(delay: number): Promise<void> {
    const { drain, controllers, log } = this.#parts;
    // Another replica leads at once.
    await controllers.stop();
    const left = await drain.run({ atLeast: delay, atMost: delay + idleConnectionMs });
    if (left > 0) log.warn({ connections: left }, 'stopping, although clients keep connections open');
    await this.stop();
  }

  async stop(): Promise<void> {
    const { server, certificate, namespaces, objects, bindings, delivery, controllers, api } = this.#parts;
    await Promise.all([server.close(), controllers.stop()]);
    await Promise.all([objects.stop(), bindings.stop(), delivery?.stop()]);
    await certificate.stop();
    namespaces.stop();
    api.close();
  }
}

/**
 * Returns a source that is read only while the webhooks are called for all namespaces that
 * they are meant for, and is ready only with a certificate.
 */
function guarded(source: AdmissionSource, namespaces: NamespaceGuard, certificate: CertificateSource): AdmissionSource {
  return {
    async read(namespace) {
      namespaces.check();
      return await source.read(namespace);
    },
    async probe() {
      certificate.check();
      namespaces.check();
      await source.probe();
    },
  };
}
