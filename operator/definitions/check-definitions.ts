import { setTimeout as sleep } from 'node:timers/promises';
import { toFairleadError } from '#lib/errors';
import { isNotFound } from '#lib/kube/api-error';
import type { KubeObject } from '#lib/kube/kube-object';
import type { KubeLog } from '#lib/kube/log';
import type { ObjectClient } from '#lib/kube/object-client';
import type { Resource } from '#lib/kube/resource';
import { allResources } from '../api/resources.ts';
import type { JsonObject } from '../api/shared/json.ts';
import { customResourceDefinition } from '../crds/custom-resource-definition.ts';
import { lackingIn } from './compare-definition.ts';

export interface DefinitionCheckOptions {
  readonly client: ObjectClient;
  /** Reports an event about a CustomResourceDefinition to users. */
  readonly report: (object: KubeObject, event: DefinitionEvent) => void;
  readonly log: KubeLog;
  /** Milliseconds between two checks; ten minutes by default. */
  readonly period?: number;
}

export interface DefinitionEvent {
  readonly type: 'Warning';
  readonly reason: 'OutdatedDefinition';
  readonly message: string;
}

const definitions: Resource = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
};

const defaultPeriod = 600_000;
/** Fields that a message names. */
const mostNamed = 8;
const hint = 'Apply the CustomResourceDefinitions: fairlead operator manifests --crds.';

/**
 * Reports the CustomResourceDefinitions of an older version, until `signal` aborts: API servers
 * drop what these lack from objects without an error. One that does not exist is reported by the
 * informer of its objects.
 */
export async function checkDefinitions(options: DefinitionCheckOptions, signal: AbortSignal): Promise<void> {
  const { period = defaultPeriod, log } = options;
  while (!signal.aborted) {
    for (const resource of allResources) {
      const wanted = customResourceDefinition(resource);
      const name = `${resource.plural}.${resource.group}`;
      try {
        await checkDefinition(name, wanted, options);
      } catch (thrown) {
        if (signal.aborted) return;
        log.warn({ err: toFairleadError(thrown), definition: name }, 'a CustomResourceDefinition cannot be checked');
      }
    }
    await sleep(period, undefined, { signal }).catch(() => undefined);
  }
}

async function checkDefinition(
  name: string,
  wanted: JsonObject,
  { client, report, log }: DefinitionCheckOptions,
): Promise<void> {
  const installed = await client.get(definitions, { name }).catch((thrown) => {
    if (isNotFound(thrown)) return undefined;
    throw thrown;
  });
  const lacking = installed === undefined ? [] : lackingIn(installed, wanted);
  if (installed === undefined || lacking.length === 0) return;
  const named = lacking.slice(0, mostNamed).join(', ');
  const others = lacking.length > mostNamed ? ` and ${lacking.length - mostNamed} more` : '';
  const message = `it is of an older version, without ${named}${others}: what objects have of these is dropped or refused`;
  log.warn({ definition: name, lacking: lacking.length, hint }, `CustomResourceDefinition ${name}: ${message}`);
  report(installed, { type: 'Warning', reason: 'OutdatedDefinition', message: `${message}. ${hint}` });
}
