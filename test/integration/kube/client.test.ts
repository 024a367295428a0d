import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';
import { type ErrorKind, FairleadError } from '#lib/errors';
import { ApiError, isExpired, isInEndingNamespace } from '#lib/kube/api-error';
import { KubeClient } from '#lib/kube/client';
import { ObjectClient } from '#lib/kube/object-client';
import type { Resource } from '#lib/kube/resource';
import { type Apiserver, apiserverRequirements, startApiserver } from '#test/peers/apiserver';
import { describePeers } from '#test/peers/require';
import { Front } from '#test/support/kube/front';
import { configMaps, defineWidgets, until, widget, widgets } from '#test/support/kube/widgets';

const isError = (kind: ErrorKind, message: RegExp) => (thrown: unknown) => {
  assert.ok(thrown instanceof FairleadError);
  assert.deepEqual([thrown.kind, message.test(thrown.message) || thrown.message], [kind, true]);
  return true;
};

describePeers(apiserverRequirements, 'ObjectClient', () => {
  let apiserver: Apiserver;
  let front: Front;
  let api: KubeClient;
  let client: ObjectClient;
  /** A client that waits for a short time only. */
  let hasty: KubeClient;
  const counted: [string, number | undefined][] = [];

  before(async () => {
    // Continue tokens expire after a few seconds.
    apiserver = await startApiserver({ flags: { 'etcd-compaction-interval': '1s' } });
    await defineWidgets(apiserver);
    front = await Front.start(apiserver);
    const metrics = { countRequest: (verb: string, status: number | undefined) => counted.push([verb, status]) };
    api = await KubeClient.open({ kubeconfig: front.kubeconfig, answerWithin: 20_000, metrics });
    hasty = await KubeClient.open({ kubeconfig: front.kubeconfig, answerWithin: 3000 });
    client = new ObjectClient(api);
  });
  beforeEach(() => {
    front.mode = { do: 'pass' };
    front.requests.length = 0;
    counted.length = 0;
  });
  after(async () => {
    api?.close();
    hasty?.close();
    await front?.stop();
    await apiserver?.stop();
  });

  it('creates, reads, updates, patches and deletes an object', async () => {
    const created = await client.create(widgets, widget('one', { size: 1, color: 'red' }));
    assert.equal(created.kind, 'Widget');
    assert.equal(created.metadata.name, 'one');
    const updated = await client.update(widgets, { ...created, spec: { size: 2, color: 'red' } });
    assert.deepEqual(updated['spec'], { size: 2, color: 'red' });
    const patched = await client.mergePatch(widgets, { name: 'one' }, { spec: { color: null, more: true } });
    assert.deepEqual(patched['spec'], { size: 2, more: true });
    assert.deepEqual(await client.get(widgets, { name: 'one' }), patched);
    await client.delete(widgets, { name: 'one' }, { uid: patched.metadata.uid });
    await assert.rejects(
      client.get(widgets, { name: 'one' }),
      isError('NotFound', /^cannot get Widget one: .*not found/),
    );
    assert.deepEqual(
      counted.map(([verb, status]) => `${verb} ${status}`),
      ['POST 201', 'PUT 200', 'PATCH 200', 'GET 200', 'DELETE 200', 'GET 404'],
    );
  });

  it('works with objects of the core group in a namespace', async () => {
    const name = { namespace: 'default', name: 'settings' };
    await client.create(configMaps, { metadata: name, data: { a: '1' } });
    assert.deepEqual((await client.get(configMaps, name))['data'], { a: '1' });
    const all = await client.list(configMaps, { namespace: 'default', most: 100 });
    assert.ok(
      all.some(
        ({ kind, apiVersion, metadata }) => `${apiVersion} ${kind} ${metadata.name}` === 'v1 ConfigMap settings',
      ),
    );
    await client.delete(configMaps, name);
  });

  it('writes the status by update, patch and apply, and nothing else of the object', async () => {
    const created = await client.create(widgets, widget('state', { size: 1 }));
    const updated = await client.update(
      widgets,
      { ...created, spec: { size: 9 }, status: { state: 'new' } },
      { subresource: 'status' },
    );
    assert.deepEqual([updated['spec'], updated['status']], [{ size: 1 }, { state: 'new' }]);
    const name = { name: 'state' };
    const patched = await client.mergePatch(widgets, name, { status: { more: 1 } }, { subresource: 'status' });
    assert.deepEqual(patched['status'], { state: 'new', more: 1 });
    const applied = await client.apply(
      widgets,
      { metadata: name, status: { ready: true } },
      { subresource: 'status', fieldManager: 'test' },
    );
    assert.deepEqual(applied['status'], { state: 'new', more: 1, ready: true });
    await client.delete(widgets, name);
  });

  it('applies fields, removes those that it applied before, and takes over from others only by force', async () => {
    const metadata = { name: 'applied' };
    const one = { fieldManager: 'one' };
    await client.apply(widgets, { metadata, spec: { size: 1, color: 'red' } }, one);
    const applied = await client.apply(widgets, { metadata, spec: { size: 1 } }, one);
    assert.deepEqual(applied['spec'], { size: 1 });
    const two = { metadata, spec: { size: 2 } };
    await assert.rejects(
      client.apply(widgets, two, { fieldManager: 'two' }),
      isError('Conflict', /^cannot apply Widget applied: .*conflict.*\.spec\.size/),
    );
    const forced = await client.apply(widgets, two, { fieldManager: 'two', force: true });
    assert.deepEqual(forced['spec'], { size: 2 });
    await client.delete(widgets, metadata);
  });

  it("reports the API server's message with the kind of the error", async () => {
    const created = await client.create(widgets, widget('errors'));
    await assert.rejects(client.create(widgets, widget('errors')), (thrown) => {
      isError('Conflict', /^cannot create Widget errors: .*already exists/)(thrown);
      assert.ok(thrown instanceof ApiError);
      assert.deepEqual([thrown.status, thrown.reason], [409, 'AlreadyExists']);
      return true;
    });
    await client.mergePatch(widgets, { name: 'errors' }, { spec: { size: 3 } });
    await assert.rejects(client.update(widgets, created), isError('Conflict', /object has been modified/));
    const old = { metadata: { resourceVersion: created.metadata.resourceVersion }, spec: {} };
    await assert.rejects(client.mergePatch(widgets, { name: 'errors' }, old), isError('Conflict', /modified/));
    await assert.rejects(
      client.create(widgets, widget('large', { size: 1001 })),
      isError('InvalidInput', /spec\.size.*less than or equal to 1000/),
    );
    await assert.rejects(client.delete(widgets, { name: 'errors' }, { uid: 'another' }), isError('Conflict', /uid/i));
    const unknown: Resource = { ...widgets, plural: 'gadgets', kind: 'Gadget' };
    await assert.rejects(client.list(unknown, { most: 10 }), isError('NotFound', /^cannot list gadgets: /));
    await assert.rejects(
      client.update(widgets, { ...created, spec: { text: 'x'.repeat(4_000_000) } }),
      isError('LimitExceeded', /too large/),
    );
    await client.delete(widgets, { name: 'errors' });
  });

  it('lists by pages, of one version', async () => {
    for (let i = 0; i < 7; i++) await client.create(widgets, widget(`p${i}`, {}, { labels: { list: 'pages' } }));
    const versions = new Set<string>();
    const names: string[] = [];
    for await (const page of client.pages(widgets, { pageSize: 3, labelSelector: 'list=pages' })) {
      versions.add(page.resourceVersion);
      names.push(...page.items.map((item) => (item as { metadata: { name: string } }).metadata.name));
      if (names.length === 3) await client.delete(widgets, { name: 'p5' });
    }
    assert.deepEqual(names, ['p0', 'p1', 'p2', 'p3', 'p4', 'p5', 'p6']);
    assert.equal(versions.size, 1);
    await assert.rejects(client.list(widgets, { most: 3 }), isError('LimitExceeded', /more than 3 widgets/));
  });

  it('lists again when a continue token has expired', async () => {
    let pages = 0;
    const selection = { pageSize: 2, labelSelector: 'list=pages', most: 100 };
    const listing = client.list(widgets, selection);
    front.mode = ({ url }) => (url.includes('continue=') && pages++ === 0 ? expired : { do: 'pass' });
    assert.equal((await listing).length, 6);
    assert.equal(
      front.count(({ url }) => !url.includes('continue=')),
      2,
    );
    front.mode = ({ url }) => (url.includes('continue=') ? expired : { do: 'pass' });
    front.requests.length = 0;
    await assert.rejects(client.list(widgets, selection), isError('Conflict', /too old/));
    assert.equal(front.count(), 6);
  });

  it('recognizes a continue token that has really expired', async () => {
    const path = '/apis/test.fairlead.dev/v1/widgets?limit=2';
    const token = JSON.parse(await api.get({ path, title: 'list' })).metadata.continue;
    const next = { path: `${path}&continue=${encodeURIComponent(token)}`, title: 'list' };
    let thrown: unknown;
    await until(async () => {
      // Compaction needs newer versions.
      await client.mergePatch(widgets, { name: 'p0' }, { spec: { size: Math.floor(Math.random() * 1000) } });
      thrown = await api.get(next).then(
        () => undefined,
        (error) => error,
      );
      return thrown !== undefined;
    });
    assert.ok(isExpired(thrown), String(thrown));
  });

  it('asks again for fewer objects where a page is too large', async () => {
    const text = 'x'.repeat(1_000_000);
    for (let i = 0; i < 18; i++)
      await client.create(widgets, widget(`large${i}`, { text }, { labels: { list: 'large' } }));
    const names = new Set<string>();
    const readPages = async (): Promise<void> => {
      front.requests.length = 0;
      for await (const { items } of client.pages(widgets, { labelSelector: 'list=large' })) {
        for (const item of items) names.add((item as { metadata: { name: string } }).metadata.name);
      }
    };
    // On a busy machine, this server compacts the version away before the last page is read.
    await until(() =>
      readPages().then(
        () => true,
        (thrown) => {
          if (!isExpired(thrown)) throw thrown;
          return false;
        },
      ),
    );
    assert.equal(names.size, 18);
    assert.ok(front.count(({ method }) => method === 'GET') <= 8, `${front.count()}`);
    for (const name of names) await client.delete(widgets, { name });
  });

  it('sends a call again later if the API server is busy, at most four times', async () => {
    let busy = 2;
    front.mode = () => (busy-- > 0 ? tooMany('0') : { do: 'pass' });
    await client.create(widgets, widget('busy'));
    assert.equal(front.count(), 3);
    front.requests.length = 0;
    front.mode = tooMany('0');
    await assert.rejects(client.get(widgets, { name: 'busy' }), isError('Unavailable', /429.*too many requests/));
    assert.equal(front.count(), 5);
    front.requests.length = 0;
    front.mode = { do: 'answer', status: 503, headers: { 'retry-after': '1' }, body: 'not now' };
    const begun = performance.now();
    await assert.rejects(
      new ObjectClient(hasty).get(widgets, { name: 'busy' }),
      isError('Unavailable', /503.*not now/),
    );
    assert.ok(front.count() >= 2 && front.count() <= 3, `${front.count()}`);
    assert.ok(performance.now() - begun >= 1000);
    await client.delete(widgets, { name: 'none' }).catch(() => undefined);
  });

  it('does not wait longer than the call may take, nor repeat what may have been done', async () => {
    front.mode = tooMany('60');
    const begun = performance.now();
    await assert.rejects(client.get(widgets, { name: 'busy' }), isError('Unavailable', /429/));
    assert.ok(performance.now() - begun < 1000);
    front.requests.length = 0;
    front.mode = { do: 'answer', status: 500, body: 'broken' };
    await assert.rejects(client.create(widgets, widget('x')), isError('Unavailable', /500.*broken/));
    front.mode = { do: 'drop' };
    await assert.rejects(client.create(widgets, widget('x')), isError('Unavailable', /^cannot create Widget x: /));
    assert.equal(front.count(), 2);
  });

  it('repeats a call only if its connection was kept, which the API server may have closed just before', async () => {
    const own = await KubeClient.open({ kubeconfig: front.kubeconfig, answerWithin: 3000 });
    const asked = new ObjectClient(own);
    front.mode = { do: 'drop' };
    await assert.rejects(asked.get(widgets, { name: 'x' }), isError('Unavailable', /^cannot get Widget x: /));
    assert.equal(front.count(), 1);
    front.mode = { do: 'pass' };
    await asked.list(widgets, { most: 10_000 });
    front.requests.length = 0;
    front.mode = { do: 'drop' };
    await assert.rejects(asked.get(widgets, { name: 'x' }), isError('Unavailable', /^cannot get Widget x: /));
    assert.equal(front.count(), 2);
    own.close();
  });

  it('gives up on an API server that hangs', async () => {
    front.mode = { do: 'hang' };
    const waiting = new ObjectClient(hasty);
    for (const call of [
      waiting.create(widgets, widget('hanging')),
      waiting.list(widgets, { most: 1 }),
      waiting.watch(
        widgets,
        { resourceVersion: '1', timeoutSeconds: 100 },
        () => undefined,
        new AbortController().signal,
      ),
    ]) {
      await assert.rejects(call, isError('Unavailable', /no answer within 3000 ms/));
    }
  });

  it('reports a watch whose answer is not of an API server', async () => {
    const watch = (body: string): Promise<void> => {
      front.mode = { do: 'answer', status: 200, body };
      const { signal } = new AbortController();
      return client.watch(widgets, { resourceVersion: '1', timeoutSeconds: 100 }, () => undefined, signal);
    };
    await assert.rejects(watch('<html>login'), isError('Unavailable', /^cannot watch widgets: .* "<html>login"$/));
    await assert.rejects(watch('<html>\n'), isError('Unavailable', /^cannot watch widgets: the answer is not valid/));
  });

  it('has hints for what an administrator can do, and none for an object or namespace that is missing', async () => {
    const hints = {
      ...{ unauthenticated: 'log in', unauthorized: 'ask for rights', unserved: 'install it' },
      ...{ busy: 'wait', unanswered: 'look for it' },
    };
    const hinting = await KubeClient.open({ kubeconfig: front.kubeconfig, answerWithin: 1000, hints });
    const hinted = new ObjectClient(hinting);
    const hintOf = (call: Promise<unknown>): Promise<string | undefined> =>
      call.then(
        () => assert.fail(),
        (thrown: FairleadError) => thrown.hint,
      );
    const unknown: Resource = { ...widgets, plural: 'gadgets', kind: 'Gadget' };
    const create = (namespace: string): Promise<unknown> =>
      hinted.create(configMaps, { metadata: { namespace, name: 'a' } });
    try {
      assert.equal(await hintOf(hinted.list(unknown, { most: 10 })), 'install it');
      assert.equal(await hintOf(hinted.get(widgets, { name: 'none' })), undefined);
      for (const [mode, hint] of [
        [tooMany('60'), 'wait'],
        [{ do: 'hang' }, 'look for it'],
        [{ do: 'drop' }, 'look for it'],
      ] as const) {
        front.mode = mode;
        assert.equal(await hintOf(hinted.get(widgets, { name: 'none' })), hint);
      }
      front.mode = { do: 'pass' };
      assert.equal(await hintOf(create('none')), undefined);
      // It stays: nothing here ends it.
      await apiserver.request('POST', '/api/v1/namespaces', { metadata: { name: 'ending' } });
      await apiserver.request('DELETE', '/api/v1/namespaces/ending');
      await assert.rejects(create('ending'), (thrown) => {
        assert.ok(isInEndingNamespace(thrown));
        return isError('NotAllowed', /403.*being terminated/)(thrown);
      });
      await assert.rejects(create('none'), (thrown) => !isInEndingNamespace(thrown));
      assert.equal(await hintOf(create('ending')), undefined);
    } finally {
      hinting.close();
    }
  });

  it('waits for an answer for as long as a call allows', async () => {
    front.mode = { do: 'hang' };
    const write = { answerWithin: 200 };
    for (const call of [
      client.create(widgets, widget('x'), write),
      client.update(widgets, widget('x'), write),
      client.mergePatch(widgets, { name: 'x' }, {}, write),
    ]) {
      await assert.rejects(call, isError('Unavailable', /no answer within 200 ms/));
    }
  });

  it('reports an answer that is not of an API server', async () => {
    front.mode = { do: 'answer', status: 200, body: '<html>' };
    await assert.rejects(client.get(widgets, { name: 'busy' }), isError('Unavailable', /not valid JSON/));
    front.mode = { do: 'answer', status: 200, body: '{"items":5}' };
    await assert.rejects(client.list(widgets, { most: 1 }), isError('Unavailable', /not a list/));
    await assert.rejects(client.get(widgets, { name: 'busy' }), isError('InvalidInput', /invalid metadata/));
    front.mode = { do: 'answer', status: 418, body: `\u001b[31m${'x'.repeat(10_000)}` };
    await assert.rejects(client.get(widgets, { name: 'busy' }), (thrown) => {
      isError('Unavailable', /418/)(thrown);
      assert.ok((thrown as Error).message.length < 500);
      return true;
    });
  });

  const expired = {
    do: 'answer',
    status: 410,
    body: JSON.stringify({
      kind: 'Status',
      message: 'The provided continue parameter is too old',
      reason: 'Expired',
      code: 410,
    }),
  } as const;
  const tooMany = (retryAfter: string) =>
    ({
      do: 'answer',
      status: 429,
      headers: { 'retry-after': retryAfter },
      body: JSON.stringify({ kind: 'Status', message: 'too many requests', reason: 'TooManyRequests', code: 429 }),
    }) as const;
});
