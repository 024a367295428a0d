import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { copy } from '#lib/registry/copy';
import { fetchBytes } from '#lib/registry/fetch-bytes';
import { layoutRepository } from '#lib/registry/layout/repository';
import { type RemoteOptions, remoteRepository } from '#lib/registry/remote/repository';
import type { Target } from '#lib/registry/target';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { blob, emptyConfig, manifest, pushAll } from '#test/support/contract/content';
import { type Refusal, type RefusingProxy, startRefusingProxy } from '#test/support/faults/http-proxy';
import { type FaultProxy, startFaultProxy } from '#test/support/faults/tcp-proxy';
import { someOf } from '#test/support/some-of';

/** One layer goes out in one piece from memory, the other as a stream. */
const layers = [blob(randomBytes(20_000)), blob(randomBytes(1_500_000))];
const image = manifest(layers);
const signature = manifest([blob('signature')], { subject: image.descriptor, artifactType: 'a/signature' });
const blobs = [...layers, emptyConfig, blob('signature')];
const manifests = [image, signature];
const contents = [...blobs, ...manifests];
const largest = 1_500_000;

const timeouts = { connect: 500, headers: 1000, body: 400 };
const patient: RemoteOptions = { timeouts, retry: { attempts: 4, delay: 5 } };
const once: RemoteOptions = { timeouts, retry: { attempts: 1, delay: 5 } };

let directory: string;
let source: Registry;
let target: Registry;
let count = 0;

/**
 * Something that is done through a host in place of a registry's own, to somewhere that is looked
 * at afterwards.
 */
interface Operation {
  /** The registry behind the host. */
  readonly through: () => Registry;
  /** The action, on a new repository; it may be repeated after a failure. */
  begin(host: string): { run(options: RemoteOptions): Promise<unknown>; readonly place: Target };
}

const fresh = (): string => `test/r${count++}`;
const at = (registry: string, repository: string, options: RemoteOptions = patient) =>
  remoteRepository({ registry, repository }, options);
const withSignature = { withReferrers: true };

const operations: Readonly<Record<string, Operation>> = {
  push: {
    through: () => target,
    begin(host) {
      const repository = fresh();
      return {
        place: at(target.host, repository),
        async run(options) {
          const pushed = at(host, repository, options);
          await Promise.all(blobs.map(({ descriptor, bytes }) => pushed.push(descriptor, bytes)));
          await pushAll(pushed, manifests);
          await pushed.tag(image.descriptor, 'v1');
        },
      };
    },
  },
  pull: {
    through: () => source,
    begin(host) {
      const place = layoutRepository(directory, fresh());
      return { place, run: (options) => copy(at(host, 'kept', options), place, 'v1', withSignature) };
    },
  },
  'copy from': {
    through: () => source,
    begin(host) {
      const place = at(target.host, fresh());
      return { place, run: (options) => copy(at(host, 'kept', options), place, 'v1', withSignature) };
    },
  },
  'copy to': {
    through: () => target,
    begin(host) {
      const repository = fresh();
      const from = at(source.host, 'kept');
      return {
        place: at(target.host, repository),
        run: (options) => copy(from, at(host, repository, options), 'v1', withSignature),
      };
    },
  },
};

/**
 * All content of a repository matches its descriptors; under the tag there is all of it, or nothing
 * if that is not expected.
 */
async function check(place: Target, complete: boolean): Promise<void> {
  const root = await place.resolve('v1').catch((error: { kind?: string }) => {
    assert.equal(error.kind, 'NotFound');
  });
  assert(root !== undefined || !complete, 'it went well, and nothing is there');
  for (const { descriptor, bytes } of contents) {
    if (root === undefined && !(await place.exists(descriptor))) continue;
    assert(Buffer.from(bytes).equals(await fetchBytes(place, descriptor, { limit: largest })));
  }
  if (root === undefined) return;
  assert.deepEqual(root, image.descriptor);
  const [referrer] = await place.referrers(image.descriptor);
  assert.equal(referrer?.digest, signature.descriptor.digest);
}

const unavailable = (error: { kind?: string; message?: string }): undefined => {
  assert.equal(error.kind, 'Unavailable', String(error));
  assert.match(error.message ?? '', /(?:GET|HEAD|POST|PUT|PATCH) http:\/\/127|127\.0\.0\.1:/);
};

describePeers(['docker-registry'], 'under every fault', () => {
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'registry-fault-table-'));
    [source, target] = await Promise.all([startRegistry(), startRegistry()]);
    const kept = at(source.host, 'kept');
    await pushAll(kept, contents);
    await kept.tag(image.descriptor, 'v1');
  });
  after(async () => {
    await Promise.all([source?.stop(), target?.stop()]);
    await rm(directory, { recursive: true });
  });

  // Side by side, since each mostly waits.
  describe('each operation', { concurrency: true }, () => {
    for (const [name, operation] of Object.entries(operations)) {
      describe(name, { concurrency: false }, () => {
        let proxy: FaultProxy;
        let refusing: RefusingProxy;
        before(async () => {
          const { port } = operation.through();
          [proxy, refusing] = await Promise.all([startFaultProxy(port), startRefusingProxy(port)]);
        });
        after(() => Promise.all([proxy?.stop(), refusing?.stop()]));

        /** Every tenth of what the undisturbed operation sends and receives. */
        async function tenths(): Promise<readonly object[]> {
          proxy.set({});
          await operation.begin(proxy.host).run(patient);
          const { sent, received } = proxy;
          return Array.from({ length: 10 }, (_, tenth) => [
            { cutAfterSent: Math.floor((sent * tenth) / 10) },
            { cutAfterReceived: Math.floor((received * tenth) / 10) },
          ]).flat();
        }

        it('completes if a connection is cut at any tenth of what is sent or received', async () => {
          for (const faults of someOf(await tenths(), 6)) {
            const { run, place } = operation.begin(proxy.host);
            proxy.set(faults);
            await run(patient);
            assert.equal(proxy.cuts, 1, JSON.stringify(faults));
            await check(place, true);
          }
        });

        it('without retries completes or fails as Unavailable, leaves nothing wrong, and completes the next time', async () => {
          for (const faults of someOf(await tenths(), 6)) {
            const { run, place } = operation.begin(proxy.host);
            proxy.set(faults);
            const done = await run(once).then(() => true, unavailable);
            assert.equal(proxy.cuts, 1, JSON.stringify(faults));
            await check(place, done === true);
            proxy.set({});
            await run(patient);
            await check(place, true);
          }
        });

        it('completes if a connection stalls in the first, the middle or the last tenth', async () => {
          const all = await tenths();
          const places = [0, 1, 10, 11, 18, 19];
          for (const faults of someOf(places, 2).map((place) => all[place])) {
            const { run, place } = operation.begin(proxy.host);
            proxy.set({ ...faults, stall: true });
            await run(patient);
            assert.equal(proxy.cuts, 1, JSON.stringify(faults));
            await check(place, true);
          }
        });

        it('completes over a slow connection', async () => {
          const { run, place } = operation.begin(proxy.host);
          proxy.set({ latency: 25 });
          await run(patient);
          proxy.set({});
          await check(place, true);
        });

        it('fails as Unavailable in time if nothing is transferred, and completes when it is', async () => {
          const { run, place } = operation.begin(proxy.host);
          proxy.set({ silent: true });
          const began = performance.now();
          assert.equal(
            await run({ timeouts, retry: { attempts: 2, delay: 5 } }).then(() => true, unavailable),
            undefined,
          );
          assert(performance.now() - began < 10_000);
          proxy.set({});
          await run(patient);
          await check(place, true);
        });

        it('completes if every request fails at first, with each temporary status', async () => {
          for (const status of someOf([408, 429, 500, 502, 503, 504], 2)) {
            const { run, place } = operation.begin(refusing.host);
            refusing.set(firstOfEach({ status }));
            await run(patient);
            assert(refusing.seen.filter((line) => line.endsWith(` ${status}`)).length >= 4, refusing.seen.join('\n'));
            await check(place, true);
          }
        });

        it('waits as long as Retry-After specifies, whatever is refused', async () => {
          const refused = new Map<string, number>();
          const early: string[] = [];
          const { run, place } = operation.begin(refusing.host);
          const kinds = new Set<string>();
          refusing.set((request) => {
            const [key, kind] = [keyOf(request), kindOf(request)];
            const since = refused.get(key);
            if (since !== undefined && performance.now() - since < 950) early.push(key);
            // Not the question how much of an upload has arrived, which comes after an upload that
            // went wrong.
            if (kinds.has(kind) || kind === 'GET uploads') return undefined;
            kinds.add(kind);
            refused.set(key, performance.now());
            return { status: 429, headers: { 'retry-after': '1' } };
          });
          await run(patient);
          assert(refused.size >= 3, [...kinds].join());
          assert.deepEqual(early, []);
          await check(place, true);
        });

        it('fails as Unavailable with the status if requests always fail, and leaves nothing wrong', async () => {
          for (const status of [429, 500]) {
            for (const method of ['GET', 'HEAD', 'POST', 'PUT']) {
              const { run, place } = operation.begin(refusing.host);
              refusing.set((request) => (request.method === method ? { status } : undefined));
              const done = await run(patient).then(
                () => true,
                (error: { kind?: string; message?: string }) => {
                  assert.match(error.message ?? '', new RegExp(`${method} http://${refusing.host}/.*: ${status}`));
                  return unavailable(error);
                },
              );
              assert.equal(done, refusing.seen.every((line) => !line.endsWith(` ${status}`)) ? true : undefined);
              await check(place, done === true);
            }
          }
        });
      });
    }
  });
});

/** A request by its method and what it is about, such as `PUT uploads`. */
function kindOf({ method, url = '' }: IncomingMessage): string {
  return `${method} ${/\/(uploads|blobs|manifests|referrers)\//.exec(url.replace('/blobs/uploads/', '/uploads/'))?.[1]}`;
}

/**
 * Identifies a request by its subject: uploads go to a new URL each time, so that only their blob
 * identifies them.
 */
function keyOf({ method, url = '' }: IncomingMessage): string {
  const { pathname, searchParams } = new URL(url, 'http://registry');
  const upload = pathname.includes('/blobs/uploads/')
    ? (searchParams.get('digest') ?? searchParams.get('mount') ?? '')
    : '';
  return `${method} ${upload === '' ? pathname : upload}`;
}

/** Refuses each request the first time. */
function firstOfEach(refusal: Refusal): (request: IncomingMessage) => Refusal | undefined {
  const seen = new Set<string>();
  return (request) => {
    const key = keyOf(request);
    if (seen.has(key)) return undefined;
    seen.add(key);
    return refusal;
  };
}
