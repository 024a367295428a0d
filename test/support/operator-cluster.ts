import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { parse, parseAllDocuments } from 'yaml';
import { type Operator, startOperator } from '#operator/run/operator';
import { type Apiserver, type ApiserverOptions, startApiserver } from '#test/peers/apiserver';
import { freePort } from '#test/peers/program';
import type { Installed } from '#test/support/helm/chart';

const deploy = fileURLToPath(new URL('../../deploy/operator/', import.meta.url));

export type Json = Record<string, unknown>;

/** A place of a pod that may carry a seccomp profile. */
interface Place {
  readonly name?: string;
  readonly securityContext?: {
    readonly seccompProfile?: { readonly type: string; readonly localhostProfile?: string };
  };
}

/** The part of a pod, or of a Status, that the assertions read. */
export interface Answered {
  readonly metadata: {
    readonly name?: string;
    readonly labels?: Record<string, string>;
    readonly annotations?: Record<string, string>;
    readonly resourceVersion?: string;
    readonly finalizers?: readonly string[];
  };
  readonly spec: Place & {
    readonly initContainers?: readonly Place[];
    readonly containers: readonly Place[];
    readonly ephemeralContainers?: readonly Place[];
  };
  readonly message?: string;
}

export interface ClusterOptions extends ApiserverOptions {
  /** The API server shows a certificate to the operator, which refuses clients without one. */
  readonly clientCertificate?: boolean;
  /** CustomResourceDefinitions that are installed besides those that an operator needs. */
  readonly moreKinds?: readonly string[];
  /** The operator makes its certificate itself; by default it gets one as files. */
  readonly ownCertificates?: boolean;
  /** Where the operator listens; by default at a free port. */
  readonly listen?: string;
  /** The address in the webhooks' URLs; by default where the operator listens. */
  readonly reachedAt?: string;
}

export interface Answer {
  readonly status: number;
  readonly body: Answered;
}

/** What a pod of a test is made of besides a container `app`. */
export interface PodOptions {
  /** `app: nginx` by default. */
  readonly labels?: object;
  readonly annotations?: object;
  readonly finalizers?: readonly string[];
  readonly spec?: object;
  readonly query?: string;
  /** `web` by default. */
  readonly namespace?: string;
}

const collections: Readonly<Record<string, string>> = {
  Namespace: '/api/v1/namespaces',
  Service: '/api/v1/namespaces/NS/services',
  ServiceAccount: '/api/v1/namespaces/NS/serviceaccounts',
  Deployment: '/apis/apps/v1/namespaces/NS/deployments',
  Role: '/apis/rbac.authorization.k8s.io/v1/namespaces/NS/roles',
  RoleBinding: '/apis/rbac.authorization.k8s.io/v1/namespaces/NS/rolebindings',
  PodDisruptionBudget: '/apis/policy/v1/namespaces/NS/poddisruptionbudgets',
  NetworkPolicy: '/apis/networking.k8s.io/v1/namespaces/NS/networkpolicies',
  ClusterRole: '/apis/rbac.authorization.k8s.io/v1/clusterroles',
  ClusterRoleBinding: '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings',
  CustomResourceDefinition: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
  MutatingWebhookConfiguration: '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations',
  ValidatingWebhookConfiguration: '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations',
};

/** Returns the path of the collection of an object of an installation. */
export function collectionOf({ kind, metadata }: Pick<Installed, 'kind' | 'metadata'>): string {
  return collections[kind]?.replace('NS', metadata.namespace ?? '') ?? assert.fail(`no path of ${kind}`);
}

/** What admissions and artifacts are decided with. Without most, the operator is not ready. */
const readKinds = [
  ...['artifactbindings', 'clusterartifactbindings', 'profileartifacts', 'clusterprofileartifacts'],
  ...['profilebindings', 'seccompprofiles', 'trustpolicies'],
];

const bindings = '/apis/fairlead.dev/v1alpha1/namespaces/web/artifactbindings';

/** Reads the documents of a manifest in deploy/operator. */
export function manifest(file: string): Json[] {
  return parseAllDocuments(readFileSync(path.join(deploy, file), 'utf8')).map((document) => document.toJS());
}

/** Waits until something holds, asking every 100 ms; fails after 20 s. */
export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, `${what}: not within 20 s`);
    await sleep(100);
  }
}

/**
 * Writes deploy/operator/apiserver for an operator at an address, and returns the file for the API
 * server's flag.
 */
function admissionConfiguration(folder: string, address: string): string {
  const files = ['kubeconfig.yaml', 'admission.yaml'].map((name) => {
    const written = path.join(folder, name);
    const text = readFileSync(path.join(deploy, 'apiserver', name), 'utf8');
    writeFileSync(
      written,
      text
        .replaceAll('/etc/kubernetes/fairlead', folder)
        .replaceAll('fairlead-operator.fairlead-system.svc', JSON.stringify(address)),
    );
    return written;
  });
  return files.at(-1) as string;
}

/**
 * A kube-apiserver with the operator behind its webhooks, set up from the manifests in
 * deploy/operator.
 */
export class OperatorCluster {
  readonly api: Apiserver;
  readonly #folder: string;
  readonly #log: string[] = [];
  readonly #clientCa: string | undefined;
  readonly #reachedAt: string | undefined;
  readonly #ownCertificates: boolean;
  #operator: Operator | undefined;

  private constructor(
    api: Apiserver,
    folder: string,
    { clientCa, reachedAt, ownCertificates = false }: ClusterOptions & { clientCa: string | undefined },
  ) {
    this.api = api;
    this.#folder = folder;
    this.#clientCa = clientCa;
    this.#reachedAt = reachedAt;
    this.#ownCertificates = ownCertificates;
  }

  /** Starts both, with the namespace `web`, and waits until pods go through the webhooks. */
  static async start({ clientCertificate = false, ...options }: ClusterOptions = {}): Promise<OperatorCluster> {
    const folder = mkdtempSync(path.join(tmpdir(), 'fairlead-operator-'));
    execFileSync(path.join(deploy, 'certificate.sh'), [folder, 'IP:127.0.0.1']);
    const listen = options.listen ?? `127.0.0.1:${await freePort()}`;
    const file = clientCertificate ? admissionConfiguration(folder, listen) : undefined;
    const flags = { ...options.flags, ...(file && { 'admission-control-config-file': file }) };
    const clientCa = clientCertificate ? path.join(folder, 'ca.crt') : undefined;
    const cluster = new OperatorCluster(await startApiserver({ flags }), folder, { ...options, clientCa });
    try {
      await cluster.#install(listen, options.moreKinds ?? []);
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  /** Where the operator listens. */
  get address(): string {
    assert.ok(this.#operator !== undefined, 'the operator does not run');
    return this.#operator.address;
  }

  /** The lines that the operator has logged. */
  get log(): readonly string[] {
    return this.#log;
  }

  /** The path of a file of the operator: tls.crt, tls.key, ca.crt, operator.kubeconfig. */
  file(name: string): string {
    return path.join(this.#folder, name);
  }

  async startOperator(listen: string): Promise<void> {
    this.#operator = await startOperator({
      kubeconfig: this.file('operator.kubeconfig'),
      listen,
      ...(this.#ownCertificates ? {} : { tlsCert: this.file('tls.crt'), tlsKey: this.file('tls.key') }),
      clientCa: this.#clientCa,
      log: pino({ level: 'info' }, { write: (line: string) => this.#log.push(line) }),
    });
  }

  async stopOperator(): Promise<void> {
    await this.#operator?.stop();
    this.#operator = undefined;
  }

  /** Returns the metrics of the operator. */
  async metrics(): Promise<string> {
    return await text(await this.#ask('/metrics'));
  }

  /** Returns the status of `/readyz`. */
  async readiness(): Promise<number | undefined> {
    const response = await this.#ask('/readyz');
    response.resume();
    return response.statusCode;
  }

  async request(method: string, at: string, body?: object): Promise<Answer> {
    return (await this.api.request(method, at, body)) as Answer;
  }

  async apply(document: Json): Promise<void> {
    const { status, body } = await this.request('POST', collectionOf(document as Installed), document);
    assert.equal(status, 201, `${document['kind']}: ${body.message}`);
  }

  /** Creates a CustomResourceDefinition, or replaces the one that the cluster has. */
  async define(definition: Json): Promise<void> {
    const metadata = definition['metadata'] as { readonly name: string };
    const at = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${metadata.name}`;
    const { resourceVersion } = (await this.request('GET', at)).body.metadata;
    if (resourceVersion === undefined) return await this.apply(definition);
    const { status, body } = await this.request('PUT', at, {
      ...definition,
      metadata: { ...metadata, resourceVersion },
    });
    assert.equal(status, 200, `${metadata.name}: ${body.message}`);
  }

  bind(name: string, spec: object, namespace = 'web'): Promise<Answer> {
    const metadata = { name };
    return this.request('POST', bindings.replace('/web/', `/${namespace}/`), {
      apiVersion: 'fairlead.dev/v1alpha1',
      kind: 'ArtifactBinding',
      metadata,
      spec,
    });
  }

  async unbind(name: string): Promise<void> {
    assert.equal((await this.request('DELETE', `${bindings}/${name}`)).status, 200);
  }

  createPod(name: string, options: PodOptions = {}): Promise<Answer> {
    const { labels = { app: 'nginx' }, annotations = {}, finalizers = [], spec, query = '' } = options;
    return this.request('POST', `/api/v1/namespaces/${options.namespace ?? 'web'}/pods${query}`, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, labels, annotations, finalizers },
      spec: { containers: [{ name: 'app', image: 'registry.example.com/app:1' }], ...spec },
    });
  }

  /** Returns a pod of the namespace `web`. */
  async pod(name: string): Promise<Answered> {
    const { status, body } = await this.request('GET', `/api/v1/namespaces/web/pods/${name}`);
    assert.equal(status, 200, body.message);
    return body;
  }

  /**
   * Applies a JSON merge patch to a pod of the namespace `web`, or to one of its subresources
   * (`/ephemeralcontainers`).
   */
  patchPod(name: string, patch: object, subresource = ''): Promise<Answer> {
    const at = `/api/v1/namespaces/web/pods/${name}${subresource}`;
    return this.api.request('PATCH', at, patch, 'application/merge-patch+json') as Promise<Answer>;
  }

  /** Applies a JSON merge patch to a namespace, as admin. */
  async patchNamespace(name: string, patch: object): Promise<Answer> {
    return (await this.api.request(
      'PATCH',
      `/api/v1/namespaces/${name}`,
      patch,
      'application/merge-patch+json',
    )) as Answer;
  }

  async stop(): Promise<void> {
    await this.stopOperator();
    await this.api.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /**
   * The webhook configurations of a manifest, for an operator that is reached by its address and
   * not by a Service.
   */
  webhooks(file: string): Json[] {
    return manifest(file).map((configuration) => ({
      ...configuration,
      webhooks: (configuration['webhooks'] as { clientConfig: { service: { path: string } } }[]).map((webhook) => ({
        ...webhook,
        clientConfig: {
          url: `https://${this.#reachedAt ?? this.address}${webhook.clientConfig.service.path}`,
          ...(this.#ownCertificates ? {} : { caBundle: readFileSync(this.file('ca.crt')).toString('base64') }),
        },
      })),
    }));
  }

  async #ask(at: string): Promise<IncomingMessage> {
    const ca = readFileSync(this.file('ca.crt'));
    const sent = httpsRequest(`https://${this.address}${at}`, { ca, agent: false }).end();
    const [response] = await once(sent, 'response');
    return response;
  }

  async #install(listen: string, moreKinds: readonly string[]): Promise<void> {
    for (const file of [
      'namespace.yaml',
      'rbac.yaml',
      ...[...readKinds, ...moreKinds].map((plural) => `crds/${plural}.yaml`),
      'deployment.yaml',
      'network-policy.yaml',
    ]) {
      for (const document of manifest(file)) await this.apply(document);
    }
    await this.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'web' } });
    await until('the CRD is served', async () => (await this.request('GET', bindings)).status === 200);

    // The operator has no more rights here than its ServiceAccount has in a cluster.
    const config = parse(readFileSync(this.api.kubeconfig, 'utf8'));
    config.users[0].user.as = 'system:serviceaccount:fairlead-system:fairlead-operator';
    writeFileSync(this.file('operator.kubeconfig'), JSON.stringify(config));
    await this.startOperator(listen);
    for (const configuration of this.webhooks('webhook.yaml')) await this.apply(configuration);

    // An API server takes up a new webhook a moment after it has answered.
    const reference = `registry.example.com/security/probe@sha256:${'0'.repeat(64)}`;
    const probe = () => this.bind('probe', { reference, podSelector: {} });
    await until('a binding is accepted', async () => (await probe()).status === 201);
    await until('the webhook is called', async () => {
      const { body } = await this.createPod('probe', { query: '?dryRun=All' });
      // A review that took too long is answered with a Status.
      return body.spec?.securityContext?.seccompProfile !== undefined;
    });
    await this.unbind('probe');
  }
}
