import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { resources } from '#operator/api/resources';
import { type ConvertedResource, profilesGroup } from '#operator/api/shared/resource-definition';
import { customResourceDefinition } from '#operator/crds/custom-resource-definition';
import { apiserverRequirements, startApiserver } from '#test/peers/apiserver';
import { crdserverRequirements, startCrdserver } from '#test/peers/crdserver';
import type { KubernetesAnswer, KubernetesRequest } from '#test/peers/kubernetes-access';
import type { Requirement } from '#test/peers/require';

/** An object of JSON, as tests write and read it. */
export type Document = { readonly [key: string]: unknown };

/** A server of custom resources that the tests of the APIs run against. */
export interface ApiPeer {
  readonly name: string;
  readonly requirements: readonly Requirement[];
  readonly start: () => Promise<ApiServer>;
}

/** A server of custom resources that runs. */
export interface ApiServer {
  readonly request: KubernetesRequest;
  readonly kubeconfig: string;
  stop(): Promise<void>;
}

/** The newest Kubernetes, and the oldest or the one that KUBEBUILDER_ASSETS names. */
export const apiPeers: readonly ApiPeer[] = [
  { name: 'crdserver', requirements: crdserverRequirements, start: startCrdserver },
  { name: 'kube-apiserver', requirements: apiserverRequirements, start: () => startApiserver() },
];

/** Reports whether an API server evaluates the rules of CEL: from Kubernetes 1.25. */
export async function evaluatesCel(request: KubernetesRequest): Promise<boolean> {
  const { body } = await request('GET', '/version');
  return Number.parseInt((body as { readonly minor: string }).minor, 10) >= 25;
}

const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/** A CustomResourceDefinition with only the older version, in a group of its own. */
export const olderGroup = 'older.fairlead.dev';

/**
 * Returns the definition of the older version of an API alone, which is stored and not converted:
 * what its schema accepts and keeps can be seen without a webhook.
 */
export function olderOnly(resource: ConvertedResource): Document {
  const { spec, ...definition } = customResourceDefinition(resource) as { readonly spec: Document } & Document;
  const versions = spec['versions'] as readonly Document[];
  const { shortNames: _, categories: __, ...names } = spec['names'] as Document;
  return {
    ...definition,
    metadata: { name: `${resource.plural}.${olderGroup}` },
    spec: {
      ...spec,
      group: olderGroup,
      names,
      conversion: { strategy: 'None' },
      versions: versions
        .filter(({ name }) => name === resource.older.name)
        .map((version) => ({ ...version, storage: true })),
    },
  };
}

/** Creates a definition and waits until its API is served. Returns the answer to the creation. */
export async function serve(request: KubernetesRequest, definition: Document): Promise<KubernetesAnswer> {
  const created = await request('POST', definitions, definition);
  assert.equal(created.status, 201, JSON.stringify(created.body));
  const { group, names, versions } = definition['spec'] as {
    readonly group: string;
    readonly names: { readonly plural: string };
    readonly versions: readonly { readonly name: string; readonly storage: boolean }[];
  };
  const stored = versions.find(({ storage }) => storage)?.name;
  const deadline = Date.now() + 60_000;
  // Requests may succeed a moment before the condition says so.
  const isServed = async () =>
    (await isEstablished(request, `${names.plural}.${group}`)) &&
    (await request('GET', `/apis/${group}/${stored}/${names.plural}`)).status === 200;
  while (!(await isServed())) {
    assert.ok(Date.now() < deadline, `${names.plural}.${group} is not served`);
    await sleep(100);
  }
  return created;
}

async function isEstablished(request: KubernetesRequest, name: string): Promise<boolean> {
  const { conditions } = (await definitionOf(request, name))['status'] as {
    readonly conditions: readonly { readonly type: string; readonly status: string }[] | null;
  };
  return conditions?.some(({ type, status }) => type === 'Established' && status === 'True') ?? false;
}

/** Reads a definition back. */
export async function definitionOf(request: KubernetesRequest, name: string): Promise<Document> {
  const { status, body } = await request('GET', `${definitions}/${name}`);
  assert.equal(status, 200);
  return body as Document;
}

/** One version of an API, with requests for its objects. */
export class ServedVersion {
  readonly resource: ConvertedResource;
  readonly apiVersion: string;
  readonly path: string;
  readonly #request: KubernetesRequest;

  /** @param version `v1`, or the older version in a group of its own (see {@link olderOnly}) */
  constructor(request: KubernetesRequest, resource: ConvertedResource, version: 'v1' | 'older') {
    this.#request = request;
    this.resource = resource;
    this.apiVersion = version === 'v1' ? `${profilesGroup}/v1` : `${olderGroup}/${resource.older.name}`;
    const namespace = resource.scope === 'Cluster' ? '' : 'namespaces/default/';
    this.path = `/apis/${this.apiVersion}/${namespace}${resource.plural}`;
  }

  /** Creates an object, or only asks whether it would be. */
  create(name: string, content: Document, { dryRun = false } = {}): Promise<KubernetesAnswer> {
    return this.#request('POST', dryRun ? `${this.path}?dryRun=All` : this.path, {
      apiVersion: this.apiVersion,
      kind: this.resource.kind,
      metadata: { name },
      ...content,
    });
  }

  /** Changes the status of an object, or only asks whether it would be. */
  patchStatus(name: string, status: unknown, { dryRun = false } = {}): Promise<KubernetesAnswer> {
    const path = `${this.path}/${name}/status${dryRun ? '?dryRun=All' : ''}`;
    return this.#request('PATCH', path, { status }, 'application/merge-patch+json');
  }

  read(name: string): Promise<KubernetesAnswer> {
    return this.#request('GET', `${this.path}/${name}`);
  }

  /** Lists the objects as the table that kubectl prints. */
  table(): Promise<KubernetesAnswer> {
    return this.#request(
      'GET',
      this.path,
      undefined,
      'application/json',
      'application/json;as=Table;v=v1;g=meta.k8s.io',
    );
  }
}

/** Serves an API in v1, as installed, and its older version alone. */
export async function serveBoth(request: KubernetesRequest, resource: ConvertedResource): Promise<ServedVersion[]> {
  await serve(request, customResourceDefinition(resource));
  await serve(request, olderOnly(resource));
  return (['v1', 'older'] as const).map((version) => new ServedVersion(request, resource, version));
}

/** Returns the API of a kind. */
export function resourceOf(kind: string): ConvertedResource {
  const found = resources.find((resource) => resource.kind === kind);
  if (found === undefined) throw new Error(`no API ${kind}`);
  return found;
}
