import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { ApiError } from './api-error.ts';
import type { ApiCall, ApiRequest, WritableApiServer } from './api-server.ts';
import { Informer } from './informer.ts';
import { ObjectClient } from './object-client.ts';
import type { Resource } from './resource.ts';

const things: Resource = { group: 'x', version: 'v1', plural: 'things', kind: 'Thing', namespaced: false };
const log = { debug() {}, info() {}, warn() {}, error() {} };

interface Stored {
  readonly metadata: { readonly name: string; readonly uid: string; readonly resourceVersion: string };
  readonly size: number;
}

type Fault = 'down' | 'expired' | 'garbage';

/** A watch that runs. */
interface Watch {
  next: number;
  readonly onLine: (line: string) => void;
  readonly end: PromiseWithResolvers<void>;
}

/** The objects of an API server, with what it remembers of their changes. */
class FakeApiServer implements WritableApiServer {
  readonly objects = new Map<string, Stored>();
  /** The next requests fail in these ways. */
  faults: Fault[] = [];
  requests = 0;
  #version = 1;
  #compacted = 0;
  readonly #history: { readonly version: number; readonly line: string }[] = [];
  readonly #snapshots = new Map<string, readonly Stored[]>();
  readonly #watches = new Set<Watch>();

  set(name: string, size: number): void {
    const uid = this.objects.get(name)?.metadata.uid ?? `uid-${this.#version}`;
    const object = { metadata: { name, uid, resourceVersion: String(++this.#version) }, size };
    this.objects.set(name, object);
    this.#change('MODIFIED', object);
  }

  delete(name: string): void {
    const object = this.objects.get(name);
    if (object === undefined) return;
    this.objects.delete(name);
    const metadata = { ...object.metadata, resourceVersion: String(++this.#version) };
    this.#change('DELETED', { ...object, metadata });
  }

  /** Forgets all changes, and the lists of which pages are still to be read. */
  compact(): void {
    this.#compacted = this.#version;
    this.#snapshots.clear();
  }

  /** Ends all watches: as they should end, broken off, or since the version is too old. */
  endWatches(how: 'end' | 'break' | 'error'): void {
    for (const watch of this.#watches) {
      if (how === 'error') this.#send(watch, expiredEvent);
      if (how === 'break') watch.end.reject(new ApiError('broken', { status: 0, reason: '' }));
      else watch.end.resolve();
    }
    this.#watches.clear();
  }

  async get({ path, signal }: ApiRequest): Promise<string> {
    this.#fail();
    const query = new URL(path, 'https://x').searchParams;
    const token = query.get('continue');
    const [version = String(this.#version), from = '0'] = token?.split(':') ?? [];
    const all = token === null ? [...this.objects.values()] : this.#snapshots.get(version);
    if (all === undefined) throw new ApiError('expired', { status: 410, reason: 'Expired' });
    this.#snapshots.set(version, all);
    const end = Number(from) + 2;
    const metadata = { resourceVersion: version, ...(end < all.length ? { continue: `${version}:${end}` } : {}) };
    // Something may happen between the pages.
    await sleep(0);
    signal?.throwIfAborted();
    return JSON.stringify({ metadata, items: all.slice(Number(from), end) });
  }

  async watch({ path, onOpen }: ApiRequest, onLine: (line: string) => void, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#fail();
    const version = Number(new URL(path, 'https://x').searchParams.get('resourceVersion'));
    if (version < this.#compacted) throw new ApiError('expired', { status: 410, reason: 'Expired' });
    onOpen?.();
    const watch: Watch = { next: version + 1, onLine, end: Promise.withResolvers() };
    this.#watches.add(watch);
    signal.addEventListener('abort', () => watch.end.reject(new Error('aborted')));
    this.#deliver(watch);
    await watch.end.promise;
  }

  send(call: ApiCall): Promise<string> {
    return this.get(call);
  }

  close(): void {}

  #change(type: string, object: Stored): void {
    this.#history.push({ version: this.#version, line: JSON.stringify({ type, object }) });
    for (const watch of this.#watches) this.#deliver(watch);
  }

  #deliver(watch: Watch): void {
    for (const { version, line } of this.#history) {
      if (version < watch.next) continue;
      watch.next = version + 1;
      this.#send(watch, line);
    }
  }

  /** What the reader throws ends the watch, as with the real client. */
  #send(watch: Watch, line: string): void {
    try {
      watch.onLine(line);
    } catch (thrown) {
      watch.end.reject(thrown);
      this.#watches.delete(watch);
    }
  }

  #fail(): void {
    this.requests++;
    const fault = this.faults.shift();
    if (fault === 'down') throw new ApiError('down', { status: 0, reason: '' });
    if (fault === 'expired') throw new ApiError('expired', { status: 410, reason: 'Expired' });
    if (fault === 'garbage') throw new SyntaxError('garbage');
  }
}

const expiredEvent = JSON.stringify({ type: 'ERROR', object: { kind: 'Status', message: 'too old', code: 410 } });

const name = fc.constantFrom('a', 'b', 'c', 'd', 'e');
/** Sizes below 2 are rejected. */
const size = fc.nat(5);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('set' as const), name, size }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('delete' as const), name }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('compact' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('end' as const), how: fc.constantFrom('end', 'break', 'error') }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('fault' as const),
      faults: fc.array(fc.constantFrom('down', 'expired', 'garbage'), { maxLength: 4 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(4) }) },
);

describe('Informer with any API server', () => {
  it('holds in the end what exists, and has reported each change from what it held before', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const server = new FakeApiServer();
        server.set('a', 3);
        server.set('b', 0);
        const informer = new Informer<Stored>({
          client: new ObjectClient(server),
          resource: things,
          parse(object) {
            const stored = object as unknown as Stored;
            if (stored.size < 2) throw new Error('too small');
            return stored;
          },
          backoff: { initialMs: 1, maxMs: 2 },
          log,
        });
        const mirror = new Map<string, Stored>();
        const faults: string[] = [];
        informer.onChange(({ key, before, after }) => {
          if (mirror.get(key) !== before) faults.push(`${key} was not what is reported`);
          if (after === undefined) mirror.delete(key);
          else mirror.set(key, after);
        });
        informer.start();
        for (const each of steps) {
          if (each.do === 'set') server.set(each.name, each.size);
          else if (each.do === 'delete') server.delete(each.name);
          else if (each.do === 'compact') server.compact();
          else if (each.do === 'end') server.endWatches(each.how);
          else if (each.do === 'fault') server.faults = [...each.faults];
          else await sleep(each.ms);
        }
        const held = () => JSON.stringify([...informer.store.values()].map(shown).sort());
        const exists = [...server.objects.values()];
        const wanted = JSON.stringify(
          exists
            .filter((each) => each.size >= 2)
            .map(shown)
            .sort(),
        );
        const rejected = exists.filter((each) => each.size < 2).map(({ metadata }) => metadata.name);
        const deadline = Date.now() + 2000;
        const isRight = () =>
          informer.hasSynced && held() === wanted && rejected.every((each) => informer.rejection(each) !== undefined);
        while (!isRight() && Date.now() < deadline) await sleep(1);
        await informer.stop();
        assert.equal(held(), wanted);
        assert.deepEqual([...mirror.values()].map(shown).sort(), [...informer.store.values()].map(shown).sort());
        assert.deepEqual(faults, []);
        assert.deepEqual(
          rejected.filter((each) => informer.rejection(each) === undefined),
          [],
        );
        assert.ok([...informer.store.keys()].every((each) => informer.rejection(each) === undefined));
        assert.equal(exists.length, informer.store.size + rejected.length);
        assert.ok(server.requests <= 10 + 10 * steps.length, `${server.requests} requests`);
      }),
      { numRuns: 200 },
    );
  });
});

function shown({ metadata: { name, uid, resourceVersion }, size }: Stored): string {
  return `${name} ${uid} ${resourceVersion} ${size}`;
}
