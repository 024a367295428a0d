import { type Reconciled, runController } from '#lib/kube/controller';
import { Informer } from '#lib/kube/informer';
import type { KubeLog } from '#lib/kube/log';
import type { KubeMetrics } from '#lib/kube/metrics';
import type { ObjectClient } from '#lib/kube/object-client';
import type { Resource } from '#lib/kube/resource';
import { isMarker } from '../kube/binding-marker.ts';
import { fieldManager } from '../kube/field-manager.ts';
import { mostBindingBytes } from '../kube/list-bindings.ts';
import { daemons, groupResource } from './cluster-view.ts';
import { parseUnsupported, planUnsupported, type UnsupportedObject } from './plan-unsupported.ts';

export interface UnsupportedControllerOptions {
  readonly client: ObjectClient;
  readonly log: KubeLog;
  readonly metrics?: KubeMetrics | undefined;
}

const resources = [
  daemons,
  groupResource('ProfileRecording', 'profilerecordings', true),
  groupResource('ProfileBinding', 'profilebindings', true),
];

/**
 * Says of objects that have no effect yet, or not all of it, that this is so, until `signal`
 * aborts.
 */
export async function runUnsupportedControllers(
  options: UnsupportedControllerOptions,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all(resources.map((resource) => runUnsupportedController(resource, options, signal)));
}

async function runUnsupportedController(
  resource: Resource,
  { client, log, metrics }: UnsupportedControllerOptions,
  signal: AbortSignal,
): Promise<void> {
  const informer = new Informer({
    ...{ client, resource, log, metrics },
    isFollowed: (object) => !isMarker(object),
    mostBytes: mostBindingBytes,
    parse: parseUnsupported,
  });
  informer.start();
  const reconcile = (object: UnsupportedObject): Promise<Reconciled> => reconcileUnsupported(resource, object, client);
  await runController({ name: resource.plural, client, fieldManager, informer, reconcile, log, metrics }, signal);
  await informer.stop();
}

async function reconcileUnsupported(
  resource: Resource,
  object: UnsupportedObject,
  client: ObjectClient,
): Promise<Reconciled> {
  const { finalizers, status } = planUnsupported(object, new Date());
  if (finalizers !== undefined) {
    const { name, namespace, resourceVersion } = object.metadata;
    await client.mergePatch(
      resource,
      { name, namespace },
      { metadata: { resourceVersion, finalizers } },
      { fieldManager },
    );
  }
  return { status };
}
