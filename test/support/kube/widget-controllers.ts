import { KubeClient } from '#lib/kube/client';
import { type ControllerOptions, type Reconciled, runController } from '#lib/kube/controller';
import { Informer } from '#lib/kube/informer';
import { ObjectClient } from '#lib/kube/object-client';
import { type Apiserver, startApiserver } from '#test/peers/apiserver';
import { Front } from './front.ts';
import { defineWidgets, parseWidget, TestLog, type Widget, widgets } from './widgets.ts';

/** Controllers of widgets, with short delays, behind a front of an API server. */
export class WidgetControllers {
  readonly apiserver: Apiserver;
  readonly front: Front;
  /** The client of the controllers, which waits for answers for 2 s. */
  readonly api: KubeClient;
  /** Writes as others do, past the front. */
  readonly others: ObjectClient;
  readonly #direct: KubeClient;
  readonly #stops: (() => Promise<void>)[] = [];

  private constructor(apiserver: Apiserver, front: Front, api: KubeClient, direct: KubeClient) {
    this.apiserver = apiserver;
    this.front = front;
    this.api = api;
    this.#direct = direct;
    this.others = new ObjectClient(direct);
  }

  static async open(): Promise<WidgetControllers> {
    const apiserver = await startApiserver();
    await defineWidgets(apiserver);
    const front = await Front.start(apiserver);
    const api = await KubeClient.open({ kubeconfig: front.kubeconfig, answerWithin: 2000 });
    const direct = await KubeClient.open({ kubeconfig: apiserver.kubeconfig, answerWithin: 10_000 });
    return new WidgetControllers(apiserver, front, api, direct);
  }

  /** Starts a controller, and returns what it has done. */
  start(reconcile: (object: Widget) => Promise<Reconciled>, more: Partial<ControllerOptions<Widget>> = {}) {
    const client = new ObjectClient(this.api);
    const log = new TestLog();
    const backoff = { initialMs: 200, maxMs: 1000 };
    const informer = new Informer<Widget>({ client, resource: widgets, parse: parseWidget, backoff, log });
    informer.start();
    const reconciled: string[] = [];
    const ending = new AbortController();
    const options: ControllerOptions<Widget> = {
      name: 'widget',
      client,
      fieldManager: 'test',
      informer,
      async reconcile(object) {
        reconciled.push(object.metadata.name);
        return await reconcile(object);
      },
      backoff: { initialMs: 100, maxMs: 1000 },
      log,
      ...more,
    };
    const running = runController(options, ending.signal);
    const stop = async (): Promise<void> => {
      ending.abort();
      await running;
      await informer.stop();
    };
    this.stopLater(stop);
    return { reconciled, log, informer, stop };
  }

  /** Calls `stop` at the end of the test. */
  stopLater(stop: () => Promise<void>): void {
    this.#stops.push(stop);
  }

  async statusOf(name: string): Promise<unknown> {
    return (await this.others.get(widgets, { name }))['status'];
  }

  /** Returns how many writes have arrived at the front. */
  writes(): number {
    return this.front.count(({ method }) => method !== 'GET');
  }

  /** Ends a test: stops its controllers, and deletes its widgets. */
  async clean(): Promise<void> {
    this.front.mode = { do: 'pass' };
    await Promise.all(this.#stops.splice(0).map((stop) => stop()));
    for (const { metadata } of await this.others.list(widgets, { most: 10_000 })) {
      await this.others.delete(widgets, { name: metadata.name });
    }
    this.front.requests.length = 0;
  }

  async close(): Promise<void> {
    this.api.close();
    this.#direct.close();
    await this.front.stop();
    await this.apiserver.stop();
  }
}
