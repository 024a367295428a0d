import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FairleadError } from '../errors.ts';
import { type ListedObject, type ListPage, objectsOf, readPage, type Snapshot, takeSnapshot } from './list-snapshot.ts';

interface Thing {
  readonly namespace: string;
  readonly name: string;
  /** `!` is invalid. */
  readonly value: string;
  readonly status: number;
}

/** Writes a list as API servers do: for custom resources in the order of names, for others not. */
function write(things: readonly Thing[], version: number, metadataLast: boolean, more = {}): string {
  const items = things.map(({ namespace, name, value, status }) => ({
    metadata: { name, namespace, resourceVersion: String(status), managedFields: [{ manager: value }] },
    spec: { value },
    status: { status },
  }));
  const metadata = { continue: '', resourceVersion: String(version), ...more };
  return JSON.stringify(metadataLast ? { items, kind: 'ThingList', metadata } : { metadata, items });
}

const options = (parse: (object: ListedObject) => { readonly text: string }, namespace?: string) =>
  ({ title: 'list the Things', namespace, most: 3, parse }) as const;

/** Returns what is answered for a namespace, as text. */
function answer(snapshot: Snapshot<{ readonly text: string }>, namespace: string): string {
  try {
    return objectsOf(snapshot, namespace)
      .map(({ text }) => text)
      .join();
  } catch (thrown) {
    assert.ok(thrown instanceof FairleadError);
    return `${thrown.kind}: ${thrown.message}`;
  }
}

/** What is answered for a namespace of these things. */
function expected(things: readonly Thing[], namespace: string): string {
  const own = things.filter((thing) => thing.namespace === namespace);
  if (own.length > 3) return 'LimitExceeded: cannot list the Things: there are more than 3';
  const invalid = own.find(({ value }) => value === '!');
  return invalid ? `InvalidInput: ${invalid.name} is invalid` : own.map(({ name, value }) => `${name}=${value}`).join();
}

describe('a snapshot of lists', () => {
  it('is what the lists contain, and parses what has changed only', () => {
    const text = fc.constantFrom('a', 'b', '!', '"metadata":{"continue":""}}', '\\', '}', '"resourceVersion":"7"');
    const namespace = fc.constantFrom('n1', 'n2', 'n3');
    const thing = fc.record({ namespace, name: fc.constantFrom('x', 'y', 'z', 'w'), value: text, status: fc.nat(3) });
    const things = fc.uniqueArray(thing, { selector: (each) => `${each.namespace}/${each.name}`, maxLength: 9 });
    const pageSize = fc.integer({ min: 1, max: 9 });
    const step = fc.record({ things, pageSize, keep: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 5 }), fc.boolean(), (steps, metadataLast) => {
        let before: Snapshot<{ readonly text: string }> | undefined;
        let last: readonly Thing[] = [];
        for (const [version, { keep, ...next }] of steps.entries()) {
          const all = keep ? last.map((each, index) => ({ ...each, status: index + version })) : next.things;
          const known = new Set(last.map(({ status: _, ...each }) => JSON.stringify(each)));
          const parsed: string[] = [];
          const parse = ({ metadata, spec }: ListedObject) => {
            const { value } = spec as { value: string };
            parsed.push(JSON.stringify({ namespace: metadata.namespace, name: metadata.name, value }));
            if (value === '!') throw new FairleadError('InvalidInput', `${metadata.name} is invalid`);
            return { text: `${metadata.name}=${value}` };
          };
          const pages = [];
          for (let at = 0; at === 0 || at < all.length; at += next.pageSize) {
            const token = at + next.pageSize < all.length ? `t${version}` : '';
            const json = write(all.slice(at, at + next.pageSize), version, metadataLast, { continue: token });
            const page: ListPage<{ readonly text: string }> = readPage(json, before, {
              ...options(parse),
              index: pages.length,
            });
            assert.equal(page.next, token);
            pages.push(page);
          }
          const snapshot = takeSnapshot(pages, before, options(parse));
          for (const name of ['n1', 'n2', 'n3', 'n4']) assert.equal(answer(snapshot, name), expected(all, name));
          assert.deepEqual(
            parsed.filter((each) => known.has(each)),
            [],
          );
          if (keep && before !== undefined) {
            assert.deepEqual(parsed, []);
            for (const [name, held] of before.answers) {
              if (!(held instanceof FairleadError)) assert.equal(snapshot.answers.get(name), held);
            }
          }
          before = snapshot;
          last = all;
        }
      }),
    );
  });

  it('does not even read the objects of a list that differs in its version only', () => {
    const parse = () => ({ text: '' });
    const things = [{ namespace: 'n1', name: 'x', value: 'a', status: 1 }];
    const read = (version: number, before?: Snapshot<{ readonly text: string }>) => {
      const page = readPage(write(things, version, true), before, { ...options(parse), index: 0 });
      return takeSnapshot([page], before, options(parse));
    };
    const first = read(1);
    const second = read(2, first);
    assert.equal(second.pages[0]?.entries, first.pages[0]?.entries);
    assert.equal(second.answers, first.answers);
  });

  it('is of a list of one namespace for all that this returns', () => {
    const parse = ({ metadata }: ListedObject) => ({ text: metadata.name });
    const json = '{"metadata":{},"items":[{"metadata":{"name":"x"}}]}';
    const page = readPage(json, undefined, { ...options(parse, 'web'), index: 0 });
    assert.equal(answer(takeSnapshot([page], undefined, options(parse, 'web')), 'web'), 'x');
  });

  it('is made of lists only', () => {
    const read = (json: string) => () => readPage(json, undefined, { ...options(() => ({ text: '' })), index: 0 });
    const isNoList = { kind: 'Unavailable', message: /^cannot list the Things: the answer is not/ };
    for (const json of ['', '<html>', '[]', '{}', '{"items":[]}', '{"metadata":{},"items":{}}']) {
      assert.throws(read(json), isNoList, json);
    }
    for (const item of ['1', '{}', '{"metadata":{"name":1}}', '{"metadata":{"name":"x"}}']) {
      assert.throws(read(`{"metadata":{},"items":[${item}]}`), isNoList, item);
    }
    assert.throws(read(`{"metadata":{},"items":[${'[],'.repeat(100_000)}[]]}`), { kind: 'LimitExceeded' });
    assert.deepEqual(read('{"metadata":{},"items":null}')().entries, []);
  });
});
