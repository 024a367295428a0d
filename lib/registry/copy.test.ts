import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { FairleadError } from '#lib/errors';
import { blob, emptyConfig, index, manifest, pushAll } from '#test/support/contract/content';
import { copy, copyGraph } from './copy.ts';
import type { Descriptor } from './descriptor.ts';
import { parseDigest } from './digest.ts';
import { memoryRepository } from './memory.ts';
import type { Target } from './target.ts';

const layers = ['one', 'two'].map((content) => blob(content));
const images = layers.map((layer, n) => manifest([layer], { annotations: { n: String(n) } }));
const list = index(images);
const signature = manifest([blob('signature')], { subject: list.descriptor, artifactType: 'a/signature' });
const counter = manifest([blob('counter')], { subject: signature.descriptor, artifactType: 'a/counter' });
const platform = manifest([blob('platform')], {
  subject: images[0]?.descriptor ?? list.descriptor,
  artifactType: 'a/platform',
});
const all = [emptyConfig, ...layers, ...images, list];
const signatures = [blob('signature'), signature, blob('counter'), counter, blob('platform'), platform];

async function filled(): Promise<Target> {
  const source = memoryRepository('source');
  await pushAll(source, [...all, ...signatures]);
  await source.tag(list.descriptor, 'v1');
  return source;
}

/** A target that notes in order what is stored and tagged. */
function watched(): { target: Target; log: string[] } {
  const target = memoryRepository('target');
  const log: string[] = [];
  return {
    log,
    target: {
      ...target,
      async push(descriptor, content, options) {
        const present = await target.exists(descriptor);
        await target.push(descriptor, content, options);
        if (!present) log.push(descriptor.digest);
      },
      async tag(descriptor, tag) {
        await target.tag(descriptor, tag);
        log.push(tag);
      },
    },
  };
}

const digests = (contents: readonly { descriptor: Descriptor }[]): string[] =>
  contents.map(({ descriptor }) => descriptor.digest);

describe('copy', () => {
  it('copies an index with everything below it, parts before what contains them, and the tag last', async () => {
    const { target, log } = watched();
    assert.deepEqual(await copy(await filled(), target, 'v1', { withReferrers: false }), list.descriptor);
    assert.deepEqual(new Set(log), new Set([...digests(all), 'v1']));
    assert.equal(log.length, all.length + 1);
    assert.equal(log.at(-1), 'v1');
    assert.equal(log.at(-2), list.descriptor.digest);
    for (const [n, image] of images.entries()) {
      assert(log.indexOf(layers[n]?.descriptor.digest ?? '') < log.indexOf(image.descriptor.digest));
    }
  });

  it('pushes under the tag in one request if the target can, and nothing must come before the tag', async () => {
    const { target, log } = watched();
    const able = {
      ...target,
      async pushTagged(descriptor: Descriptor, bytes: Uint8Array, tag: string) {
        log.push(`at once ${tag}`);
        await target.push(descriptor, bytes);
        await target.tag(descriptor, tag);
      },
    };
    const alone = memoryRepository('source');
    await pushAll(alone, all);
    await alone.tag(list.descriptor, 'v1');
    await copy(alone, able, 'v1', { withReferrers: true });
    assert.deepEqual(log.slice(-3), ['at once v1', list.descriptor.digest, 'v1']);
    assert.equal(log.length, all.length + 2);
    // It is there by now: only the tag is set.
    log.length = 0;
    await copy(alone, able, 'v1', { withReferrers: true });
    assert.deepEqual(log, ['at once v1', 'v1']);

    const signed = watched();
    const refuse = { ...signed.target, pushTagged: () => Promise.reject(new Error('not signed yet')) };
    await copy(await filled(), refuse, 'v1', { withReferrers: true });
    assert.equal(signed.log.at(-1), 'v1');
    assert(signed.log.indexOf(signature.descriptor.digest) > 0);
  });

  it('sets no tag before the signatures of what is in an index are there', async () => {
    const source = memoryRepository('source');
    await pushAll(source, [...all, blob('platform'), platform]);
    await source.tag(list.descriptor, 'v1');
    const { target, log } = watched();
    const slow: Target = {
      ...target,
      async push(descriptor, content, options) {
        if (descriptor.digest === platform.descriptor.digest) await delay(20);
        await target.push(descriptor, content, options);
      },
    };
    await copy(source, slow, 'v1', { withReferrers: true });
    assert(log.includes(platform.descriptor.digest));
    assert.equal(log.at(-1), 'v1');
  });

  it('copies referrers of every level, also of manifests in an index, before the tag', async () => {
    const { target, log } = watched();
    await copy(await filled(), target, 'v1', { withReferrers: true });
    assert.deepEqual(new Set(log), new Set([...digests([...all, ...signatures]), 'v1']));
    assert.equal(log.at(-1), 'v1');
    assert.deepEqual(digests((await target.referrers(list.descriptor)).map((descriptor) => ({ descriptor }))), [
      signature.descriptor.digest,
    ]);
    assert.equal((await target.referrers(signature.descriptor)).length, 1);
  });

  it('sends nothing again, but copies a signature that was added later', async () => {
    const source = await filled();
    const { target, log } = watched();
    await copy(source, target, list.descriptor.digest, { withReferrers: true });
    log.length = 0;
    await copy(source, target, list.descriptor.digest, { withReferrers: true });
    assert.deepEqual(log, []);
    const later = manifest([], { subject: list.descriptor, artifactType: 'a/later' });
    await pushAll(source, [later]);
    await copy(source, target, list.descriptor.digest, { withReferrers: true });
    assert.deepEqual(log, [later.descriptor.digest]);
  });

  it('lists a signature that was stored, but not listed, when a copy before this one was cut off', async () => {
    const source = await filled();
    const target = memoryRepository('target');
    await copy(source, target, 'v1', { withReferrers: true });
    const unlisted = new Set([signature.descriptor.digest, platform.descriptor.digest]);
    const cutOff: Target = {
      ...target,
      async push(descriptor, content, options) {
        await target.push(descriptor, content, options);
        unlisted.delete(descriptor.digest);
      },
      referrers: async (subject) => (await target.referrers(subject)).filter(({ digest }) => !unlisted.has(digest)),
    };
    await copy(source, cutOff, list.descriptor.digest, { withReferrers: true });
    assert.deepEqual(unlisted, new Set());
    unlisted.add(signature.descriptor.digest);
    await copyGraph(source, cutOff, signature.descriptor, { withReferrers: false });
    assert.deepEqual(unlisted, new Set());
  });

  it('reports how far each blob is', async () => {
    const large = blob('x'.repeat(100_000));
    const image = manifest([large]);
    const held = memoryRepository('source');
    await pushAll(held, [emptyConfig, large, image]);
    const source: Target = {
      ...held,
      async fetch(descriptor, options) {
        const whole = await held.fetch(descriptor, options);
        return (async function* () {
          for await (const piece of whole)
            for (let at = 0; at < piece.length; at += 30_000) yield piece.subarray(at, at + 30_000);
        })();
      },
    };
    const seen: [string, number][] = [];
    const onProgress = ({ digest }: Descriptor, bytes: number): void => void seen.push([digest, bytes]);
    await copyGraph(source, memoryRepository('target'), image.descriptor, { withReferrers: false, onProgress });
    assert.deepEqual(
      seen.filter(([digest]) => digest === large.descriptor.digest).map(([, bytes]) => bytes),
      [30_000, 60_000, 90_000, 100_000],
    );
  });

  it('reports what was sent and what was present', async () => {
    const source = await filled();
    const target = memoryRepository();
    const counts = async (): Promise<Record<string, number>> => {
      const seen: Record<string, number> = {};
      const onContent = (_: Descriptor, how: string): void => {
        seen[how] = (seen[how] ?? 0) + 1;
      };
      await copy(source, target, 'v1', { withReferrers: false, onContent });
      return seen;
    };
    assert.deepEqual(await counts(), { sent: all.length });
    assert.deepEqual(await counts(), { present: 1 });
  });

  it('ends at the first failure, without a tag', async () => {
    const source = memoryRepository('source');
    const absent = manifest([blob('absent')]);
    const whole = index([absent, ...images]);
    await pushAll(source, [emptyConfig, ...layers, ...images, absent, whole]);
    await source.tag(whole.descriptor, 'v1');
    const { target, log } = watched();
    await assert.rejects(copy(source, target, 'v1', { withReferrers: false }), { kind: 'NotFound' });
    assert(!log.includes('v1') && !log.includes(whole.descriptor.digest));
  });

  it('ends with the reason of its signal', async () => {
    const source = await filled();
    const reason = new Error('enough');
    const stalled: Target = {
      ...source,
      fetch: (_, options) =>
        new Promise((_resolve, reject) =>
          options?.signal?.addEventListener('abort', () => reject(options.signal?.reason)),
        ),
    };
    const controller = new AbortController();
    setImmediate(() => controller.abort(reason));
    await assert.rejects(
      copy(stalled, memoryRepository(), 'v1', { withReferrers: false, signal: controller.signal }),
      reason,
    );
  });

  it('ends if a list claims that a manifest refers to itself', async () => {
    const source = await filled();
    const circular: Target = {
      ...source,
      referrers: async (subject) => [subject, signature.descriptor, list.descriptor],
    };
    const { target, log } = watched();
    await copy(circular, target, 'v1', { withReferrers: true });
    assert.equal(log.at(-1), 'v1');
    assert(log.includes(signature.descriptor.digest));
  });

  describe('if a list of referrers is broken', () => {
    const absent = manifest([blob('absent')], { subject: list.descriptor, annotations: { name: 'absent' } });
    const hollow = manifest([blob('absent')], { subject: list.descriptor, annotations: { name: 'hollow' } });
    const lists: Record<string, (source: Target) => Target['referrers']> = {
      'cannot be read': () => async () => {
        throw new FairleadError('InvalidInput', 'no list');
      },
      'points to nowhere': (source) => async (subject) =>
        subject.digest === list.descriptor.digest
          ? [absent.descriptor, signature.descriptor]
          : source.referrers(subject),
      'says a wrong size': (source) => async (subject) =>
        subject.digest === list.descriptor.digest
          ? [{ ...hollow.descriptor, size: 7 }, signature.descriptor]
          : source.referrers(subject),
      'names what has parts that are gone': (source) => async (subject) =>
        subject.digest === list.descriptor.digest
          ? [hollow.descriptor, signature.descriptor]
          : source.referrers(subject),
    };
    for (const [what, referrersOf] of Object.entries(lists)) {
      it(`since it ${what}, copies what is complete if the caller handles the rest, and fails otherwise`, async () => {
        const source = await filled();
        await pushAll(source, [hollow]);
        const broken: Target = { ...source, referrers: referrersOf(source) };
        const { target, log } = watched();
        const skipped: string[] = [];
        const onSkipped = ({ digest }: Descriptor): void => void skipped.push(digest);
        await copy(broken, target, 'v1', { withReferrers: true, onSkipped });
        assert.equal(log.at(-1), 'v1');
        for (const { descriptor } of all) assert.ok(log.includes(descriptor.digest));
        assert.equal(log.includes(signature.descriptor.digest), what !== 'cannot be read');
        for (const { descriptor } of [absent, hollow]) assert.equal(log.includes(descriptor.digest), false);
        assert.equal(skipped.length > 0, true);
        await assert.rejects(copy(broken, memoryRepository(), 'v1', { withReferrers: true }), {
          name: 'FairleadError',
        });
      });
    }

    it('still fails if the target, or the copied content itself, is incomplete', async () => {
      const onSkipped = (): void => undefined;
      const [first] = images;
      assert.ok(first);
      const source = await filled();
      const missing: Target = {
        ...source,
        fetch: async (descriptor) => {
          if (descriptor.digest !== first.descriptor.digest) return source.fetch(descriptor);
          throw new FairleadError('NotFound', 'gone');
        },
        // What is missing as a part is not excused by a list that names it as well.
        referrers: async (subject) => [first.descriptor, ...(await source.referrers(subject))],
      };
      await assert.rejects(copy(missing, memoryRepository(), 'v1', { withReferrers: true, onSkipped }), {
        kind: 'NotFound',
      });
      const { target } = watched();
      const refusing: Target = {
        ...target,
        push: async (descriptor, content) => {
          if (descriptor.digest !== signature.descriptor.digest) return target.push(descriptor, content);
          throw new FairleadError('NotFound', 'no such repository');
        },
      };
      await assert.rejects(copy(source, refusing, 'v1', { withReferrers: true, onSkipped }), { kind: 'NotFound' });
    });
  });

  it('refuses a chain of referrers without end', async () => {
    const source = memoryRepository('source');
    let last = manifest([]);
    await pushAll(source, [emptyConfig, last]);
    await source.tag(last.descriptor, 'v1');
    for (let n = 0; n < 20; n++) {
      last = manifest([], { subject: last.descriptor, annotations: { n: String(n) } });
      await pushAll(source, [last]);
    }
    await assert.rejects(copy(source, memoryRepository(), 'v1', { withReferrers: true }), { kind: 'LimitExceeded' });
  });

  it('refuses a list of referrers without end', async () => {
    const source = await filled();
    let fetched = 0;
    const endless: Target = {
      ...source,
      fetch: (descriptor, options) => {
        fetched++;
        return source.fetch(descriptor, options);
      },
      referrers: async () =>
        Array.from({ length: 100_001 }, (_, n) => ({
          ...signature.descriptor,
          digest: parseDigest(`sha256:${String(n).padStart(64, '0')}`),
        })),
    };
    await assert.rejects(copy(endless, memoryRepository(), 'v1', { withReferrers: true }), {
      kind: 'LimitExceeded',
      message: /100000/,
    });
    assert(fetched < 100, `${fetched} were fetched`);
  });

  it('copies nothing from a source whose content does not match its digest', async () => {
    const source = await filled();
    const lying: Target = {
      ...source,
      fetch: async () =>
        (async function* () {
          yield list.bytes.map((byte) => byte ^ 1);
        })(),
    };
    const { target, log } = watched();
    await assert.rejects(copy(lying, target, 'v1', { withReferrers: false }), { kind: 'Conflict' });
    assert.deepEqual(log, []);
  });
});
