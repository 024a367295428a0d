import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ApiServer } from './api-server.ts';
import { CurrentLists, type ListedKind } from './current-lists.ts';

const resource = { group: 'g', version: 'v1', plural: 'things', kind: 'Thing', namespaced: true };
const namespaces = ['n0', 'n1', 'n2', 'n3', 'n4', 'n5'];

/** An API server with as many objects, in turn in the namespaces, and what it was asked. */
function serve(objects: number): { readonly api: ApiServer; readonly asked: string[] } {
  const items = Array.from({ length: objects }, (_, index) => ({
    metadata: { name: `t${index}`, namespace: namespaces[index % namespaces.length] },
  }));
  const asked: string[] = [];
  const get = async ({ path }: { readonly path: string }): Promise<string> => {
    asked.push(path);
    const url = new URL(path, 'https://api');
    const namespace = /namespaces\/(\w+)\//.exec(url.pathname)?.[1];
    const all = items.filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace);
    const from = Number(url.searchParams.get('continue') ?? 0);
    const to = from + Number(url.searchParams.get('limit'));
    const isLast = to >= all.length;
    const metadata = isLast ? {} : { continue: String(to), remainingItemCount: all.length - to };
    return JSON.stringify({ items: all.slice(from, to), metadata });
  };
  const watch = async (): Promise<void> => undefined;
  return { api: { get, watch, close: () => undefined }, asked };
}

async function askAll(api: ApiServer): Promise<number[]> {
  const list = new CurrentLists(api).of({ resource, parse: ({ metadata }) => metadata });
  const answers = await Promise.all(namespaces.map((namespace) => list.list(namespace)));
  for (const [index, answer] of answers.entries()) {
    assert.ok(answer.every((metadata) => metadata.namespace === namespaces[index]));
  }
  return answers.map(({ length }) => length);
}

describe('CurrentLists for many namespaces', () => {
  it('read all pages of one list of the cluster', async () => {
    const { api, asked } = serve(1200);
    assert.deepEqual(await askAll(api), [200, 200, 200, 200, 200, 200]);
    assert.deepEqual(asked, [
      '/apis/g/v1/things?limit=500',
      '/apis/g/v1/things?limit=500&continue=500',
      '/apis/g/v1/things?limit=500&continue=1000',
    ]);
  });

  it('list one namespace after the other if the cluster has too many objects', async () => {
    const { api, asked } = serve(5004);
    await assert.rejects(askAll(api), {
      kind: 'LimitExceeded',
      message: 'cannot list the Things of namespace n0: there are more than 500',
    });
    assert.equal(asked[0], '/apis/g/v1/things?limit=500');
    assert.ok(asked.slice(1).every((path) => path.includes('/namespaces/')));
  });
});

describe('CurrentLists of a kind without namespaces', () => {
  const ask = (objects: number, kind: Partial<ListedKind<string>>) =>
    new CurrentLists(serve(objects).api)
      .of({ resource: { ...resource, namespaced: false }, parse: ({ metadata }) => metadata.name, ...kind })
      .list('n0');
  const tooMany = (most: number) => ({
    kind: 'LimitExceeded',
    message: `cannot list the Things: there are more than ${most}`,
  });

  it('have 500 objects', async () => {
    assert.equal((await ask(500, {})).length, 500);
    await assert.rejects(ask(501, {}), tooMany(500));
  });

  it('have one more, the marker, if the objects are followed', async () => {
    const followed = { current: async () => undefined };
    assert.equal((await ask(501, { followed })).length, 501);
    await assert.rejects(ask(502, { followed }), tooMany(501));
  });
});
