import type { WritableApiServer } from '#lib/kube/api-server';
import { Informer } from '#lib/kube/informer';
import type { KubeLog } from '#lib/kube/log';
import { ObjectClient } from '#lib/kube/object-client';
import { describeObject, objectPath, parseObjectKey, type Resource } from '#lib/kube/resource';
import { injectLabel } from '../api/shared/inject-label.ts';
import { parseTrustingObject, type TrustingObject, trustPatch } from './trust-patch.ts';

const admission = { group: 'admissionregistration.k8s.io', version: 'v1', namespaced: false };

const resources: readonly Resource[] = [
  { ...admission, plural: 'mutatingwebhookconfigurations', kind: 'MutatingWebhookConfiguration' },
  { ...admission, plural: 'validatingwebhookconfigurations', kind: 'ValidatingWebhookConfiguration' },
  {
    group: 'apiextensions.k8s.io',
    version: 'v1',
    plural: 'customresourcedefinitions',
    kind: 'CustomResourceDefinition',
    namespaced: false,
  },
];

/**
 * Follows the objects that name the operator's webhooks (label `fairlead.dev/inject-ca`), and
 * writes the certificates into them by which API servers verify the operator.
 */
export class TrustInjector {
  readonly #api: WritableApiServer;
  readonly #informers: readonly Informer<TrustingObject>[];
  /** The versions of objects that were patched already, until their next version is seen. */
  readonly #patched = new Map<string, string>();

  /** @param onChange called when an object has changed; not before {@link start}. */
  constructor(api: WritableApiServer, log: KubeLog, onChange: () => void) {
    this.#api = api;
    const client = new ObjectClient(api);
    this.#informers = resources.map((resource) => {
      const selection = { labelSelector: `${injectLabel}=true` };
      const informer = new Informer({ client, resource, selection, parse: parseTrustingObject, log });
      informer.onChange(onChange);
      return informer;
    });
  }

  start(): void {
    for (const informer of this.#informers) informer.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#informers.map((informer) => informer.stop()));
  }

  /** Whether all objects are known to have a bundle (PEM). */
  isInForce(bundle: string): boolean {
    const encoded = encode(bundle);
    return this.#informers.every(
      ({ hasSynced, store }) =>
        hasSynced &&
        [...store.keys()].every((key) => {
          const object = store.get(key);
          return object === undefined || trustPatch(object, encoded).length === 0;
        }),
    );
  }

  /**
   * Writes a bundle (PEM) into all objects that have another one. Throws what the API server
   * answers, after all were tried; an object that was changed or deleted meanwhile is left to the
   * next call.
   */
  async inject(bundle: string): Promise<void> {
    const failures: unknown[] = [];
    for (const { resource, store } of this.#informers) {
      for (const key of store.keys()) {
        const object = store.get(key);
        if (object === undefined) continue;
        try {
          await this.#injectInto(resource, key, object, encode(bundle));
        } catch (thrown) {
          failures.push(thrown);
        }
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  async #injectInto(resource: Resource, key: string, object: TrustingObject, bundle: string): Promise<void> {
    const patch = trustPatch(object, bundle);
    if (patch.length === 0) return;
    const place = `${resource.plural}/${key}`;
    const version = `${object.resourceVersion} ${bundle}`;
    // Not seen yet.
    if (this.#patched.get(place) === version) return;
    const name = parseObjectKey(key);
    await this.#api.send({
      method: 'PATCH',
      path: `${objectPath(resource, name)}?fieldManager=fairlead-operator`,
      title: `write the trust bundle of ${describeObject(resource, name)}`,
      body: patch,
      contentType: 'application/json-patch+json',
      repeatable: true,
    });
    this.#patched.set(place, version);
  }
}

function encode(bundle: string): string {
  return Buffer.from(bundle).toString('base64');
}
