import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeObject } from '#lib/kube/kube-object';
import type { KubeLog } from '#lib/kube/log';
import type { Resource } from '#lib/kube/resource';
import type { Apiserver } from '#test/peers/apiserver';

/** A custom resource without a namespace, with a status and no rules for its content. */
export const widgets: Resource = {
  group: 'test.fairlead.dev',
  version: 'v1',
  plural: 'widgets',
  kind: 'Widget',
  namespaced: false,
};

export const configMaps: Resource = {
  group: '',
  version: 'v1',
  plural: 'configmaps',
  kind: 'ConfigMap',
  namespaced: true,
};

/** A widget as the tests read it. */
export interface Widget {
  readonly metadata: KubeObject['metadata'];
  readonly spec: { readonly size?: number; readonly color?: string; readonly bad?: boolean };
  readonly status?: Readonly<Record<string, unknown>>;
}

export function parseWidget(object: KubeObject): Widget {
  const widget = object as unknown as Widget;
  if (widget.spec.bad) throw new Error('a bad widget');
  return widget;
}

const definition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.test.fairlead.dev' },
  spec: {
    group: widgets.group,
    scope: 'Cluster',
    names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                'x-kubernetes-preserve-unknown-fields': true,
                properties: { size: { type: 'integer', maximum: 1000 } },
              },
              status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
            },
          },
        },
      },
    ],
  },
};

/** Creates the resource of the widgets, and waits until it is served. */
export async function defineWidgets(apiserver: Pick<Apiserver, 'request'>): Promise<void> {
  const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  const created = await apiserver.request('POST', definitions, definition);
  assert.equal(created.status, 201, JSON.stringify(created.body));
  await until(async () => (await apiserver.request('GET', '/apis/test.fairlead.dev/v1/widgets')).status === 200);
}

/** Returns a widget to be created. */
export function widget(name: string, spec: object = {}, metadata: object = {}) {
  return { metadata: { name, ...metadata }, spec };
}

/** Waits until something holds; fails if it does not within `ms`. */
export async function until(holds: () => boolean | Promise<boolean>, ms = 30_000): Promise<void> {
  const deadline = Date.now() + ms;
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, `not within ${ms} ms: ${holds}`);
    await sleep(20);
  }
}

/** What a part has reported. */
export class TestLog implements KubeLog {
  readonly lines: { readonly level: string; readonly fields: object; readonly message: string }[] = [];

  /** Returns how many lines have a level. */
  count(level: string): number {
    return this.lines.filter((line) => line.level === level).length;
  }

  debug(fields: object, message: string): void {
    this.lines.push({ level: 'debug', fields, message });
  }

  info(fields: object, message: string): void {
    this.lines.push({ level: 'info', fields, message });
  }

  warn(fields: object, message: string): void {
    this.lines.push({ level: 'warn', fields, message });
  }

  error(fields: object, message: string): void {
    this.lines.push({ level: 'error', fields, message });
  }
}
