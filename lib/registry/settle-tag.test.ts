import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { FairleadError } from '#lib/errors';
import { settleTag, type TagChange } from './settle-tag.ts';

const options = { name: 'tag v1', hint: 'Try again.' };

/**
 * A tag that holds a list of names, at a registry that takes up to `latency` ms for each request.
 */
class SlowTag {
  names: readonly string[] = [];
  reads = 0;
  writes = 0;
  readonly #latency: number;

  constructor(latency: number) {
    this.#latency = latency;
  }

  /** The change of one writer: its name is added to the list. */
  adding(name: string): TagChange<readonly string[]> {
    return {
      read: () => this.read(),
      includes: (names) => names.includes(name),
      write: (names = []) => this.write([...names, name]),
      isSame: (one, other) => one.join() === other.join(),
    };
  }

  async read(): Promise<readonly string[]> {
    this.reads++;
    await this.#wait();
    const { names } = this;
    await this.#wait();
    return names;
  }

  async write(names: readonly string[]): Promise<readonly string[]> {
    this.writes++;
    await this.#wait();
    this.names = names;
    await this.#wait();
    return names;
  }

  #wait(): Promise<void> {
    return delay((Math.random() * this.#latency) / 2);
  }
}

describe('settleTag', () => {
  for (const writers of [2, 3, 8]) {
    it(`loses nothing of ${writers} writers that have read the same content`, async () => {
      for (let trial = 0; trial < 5; trial++) {
        const tag = new SlowTag(4);
        const names = Array.from({ length: writers }, (_, index) => `writer-${index}`);
        await Promise.all(names.map((name) => settleTag([], tag.adding(name), options)));
        assert.deepEqual([...tag.names].sort(), names);
      }
    });
  }

  it('loses nothing of writers that begin one after another', async () => {
    const tag = new SlowTag(4);
    const names = Array.from({ length: 10 }, (_, index) => `writer-${index}`);
    await Promise.all(
      names.map(async (name, index) => {
        await delay(index * 3);
        await settleTag(await tag.read(), tag.adding(name), options);
      }),
    );
    assert.deepEqual([...tag.names].sort(), names);
  });

  it('sees that a writer overwrote it that had read the content before', async () => {
    const tag = new SlowTag(0);
    const mine = tag.adding('mine');
    const late: TagChange<readonly string[]> = {
      ...mine,
      async write(names) {
        const written = await mine.write(names);
        if (tag.writes === 1) setTimeout(() => tag.write(['other']), 0);
        await delay(5); // the time of a request
        return written;
      },
    };
    assert.deepEqual(await settleTag([], late, options), ['other', 'mine']);
  });

  it('writes nothing if the content includes the change already', async () => {
    const tag = new SlowTag(0);
    assert.deepEqual(await settleTag(['mine'], tag.adding('mine'), options), ['mine']);
    assert.deepEqual([tag.reads, tag.writes], [0, 0]);
  });

  it('reads once and writes once if there is no other writer', async () => {
    const tag = new SlowTag(1);
    assert.deepEqual(await settleTag([], tag.adding('mine'), options), ['mine']);
    assert.deepEqual([tag.reads, tag.writes], [1, 1]);
  });

  it('makes the change once more if another writer removed it, unless there is a replacement by then', async () => {
    for (const replacement of [undefined, ['better']]) {
      const tag = new SlowTag(0);
      const mine = tag.adding('mine');
      const change: TagChange<readonly string[]> = {
        ...mine,
        async write(names) {
          const written = await mine.write(names);
          if (tag.writes === 1) tag.names = ['other'];
          return written;
        },
        findReplacement: async () => replacement,
      };
      assert.deepEqual(await settleTag([], change, options), replacement ?? ['other', 'mine']);
      assert.equal(tag.writes, replacement ? 1 : 2);
    }
  });

  it('rejects with Conflict if others never stop', async () => {
    const tag = new SlowTag(0);
    const lost = { ...tag.adding('mine'), write: async () => ['mine'] };
    await assert.rejects(settleTag([], lost, options), {
      kind: 'Conflict',
      message: /^tag v1: other writers changed it 64 times in a row/,
      hint: 'Try again.',
    });
  });

  it('ends with what reading or writing rejects with, and with the reason of its signal', async () => {
    const tag = new SlowTag(0);
    const failing = async (): Promise<never> => {
      throw new FairleadError('LimitExceeded', 'too long');
    };
    for (const part of ['read', 'write'] as const) {
      const change = { ...tag.adding('mine'), [part]: failing };
      await assert.rejects(settleTag([], change, options), { kind: 'LimitExceeded' });
    }
    const ended = new AbortController();
    const mine = tag.adding('mine');
    const slow: TagChange<readonly string[]> = {
      ...mine,
      async write(names) {
        await delay(20);
        ended.abort(new Error('enough'));
        return mine.write(names);
      },
    };
    await assert.rejects(settleTag([], slow, { ...options, signal: ended.signal }), /enough/);
  });
});
