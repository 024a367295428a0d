import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TestLog, until } from '#test/support/kube/widgets';
import { Informer } from './informer.ts';
import type { ObjectClient } from './object-client.ts';
import type { WatchEvent } from './watch-objects.ts';

const resource = { group: 'test.fairlead.dev', version: 'v1', plural: 'things', kind: 'Thing', namespaced: false };

/** An informer that has listed everything up to version 1000, and what sends it an event. */
async function follow() {
  let send: ((event: WatchEvent) => void) | undefined;
  const client = {
    async *pages() {
      yield { items: [], resourceVersion: '1000' };
    },
    watch: (_resource: object, _options: object, onEvent: typeof send, signal: AbortSignal) => {
      send = onEvent;
      return new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    },
  } as unknown as ObjectClient;
  const informer = new Informer({ client, resource, parse: (object) => object, log: new TestLog() });
  informer.start();
  await until(() => send !== undefined);
  const change = (resourceVersion: string): void =>
    send?.({ type: 'MODIFIED', object: { metadata: { name: 'a', uid: 'a', resourceVersion } } });
  return { informer, send: (event: WatchEvent) => send?.(event), change };
}

/** Rejects at once: what has to arrive first did not. */
const now = () => AbortSignal.abort(new Error('not reached'));

describe('what an informer expects', () => {
  it('is reached by any later version that arrives, before or after it is asked about', async () => {
    const { informer, change } = await follow();
    const [before, after, later] = [informer.expect(), informer.expect(), informer.expect()];
    change('1005');
    await before.reached('1005', AbortSignal.timeout(20_000));
    await assert.rejects(after.reached('1006', now()), /not reached/);
    const reached = later.reached('1007', AbortSignal.timeout(20_000));
    change('1006');
    change('1010');
    await reached;
    await informer.stop();
  });

  it('is not reached by a bookmark, which an API server sends that has missed the restore of its etcd', async () => {
    const { informer, send } = await follow();
    const bookmark = informer.expect();
    send({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '2000' } } });
    await assert.rejects(bookmark.reached('500', now()), /not reached/);
    await informer.stop();
  });

  it('is not reached by what was held before, such as of an etcd that was restored meanwhile', async () => {
    const { informer, change } = await follow();
    change('2000');
    await assert.rejects(informer.expect().reached('500', now()), /not reached/);
    await informer.stop();
  });

  it('compares versions as numbers, and never reaches a text', async () => {
    const { informer, change } = await follow();
    const [number, text] = [informer.expect(), informer.expect()];
    change('1099');
    await assert.rejects(number.reached('1100', now()), /not reached/);
    await assert.rejects(text.reached('a', now()), /not reached/);
    const large = informer.expect();
    change('18446744073709551617');
    await large.reached('18446744073709551616', AbortSignal.timeout(20_000));
    await informer.stop();
  });
});
