import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { FairleadError } from '../errors.ts';
import type { ClusterLister } from './list-queue.ts';
import { ListSchedule } from './list-schedule.ts';
import { TokenBucket } from './token-bucket.ts';

/** When a list began, as its answer. */
interface Answer {
  readonly began: number;
  readonly of: string;
}

/** A kind whose lists count, and end when the test lets them. */
class Kind {
  readonly title = 'Things';
  readonly cluster: ClusterLister<Answer>;
  /** The namespaces that were listed; `*` is the cluster. */
  readonly listed: string[] = [];
  readonly running = new Map<string, number>();
  mostAtOnce = 0;
  cost = 1;
  isTooLarge = false;
  takes: (of: string) => Promise<unknown> = async () => undefined;
  readonly #tick: () => number;

  constructor(tick: () => number) {
    this.#tick = tick;
    const cost = (): number => this.cost;
    this.cluster = {
      get cost() {
        return cost();
      },
      list: async () => {
        const answer = await this.#list('*');
        if (!this.isTooLarge) return () => answer;
        this.cost = Number.POSITIVE_INFINITY;
        return undefined;
      },
    };
  }

  namespace(name: string): Promise<Answer> {
    return this.#list(name);
  }

  async #list(of: string): Promise<Answer> {
    const began = this.#tick();
    this.listed.push(of);
    const running = (this.running.get(of) ?? 0) + 1;
    this.running.set(of, running);
    this.mostAtOnce = Math.max(this.mostAtOnce, running);
    await this.takes(of);
    this.running.set(of, running - 1);
    return { began, of };
  }
}

const unhurried = { burst: 6, everyMs: 1000 / 14 };
const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
};

describe('ListSchedule', () => {
  it('answers with lists that began after the question, of the right namespace and one at a time', async () => {
    const arrival = fc.record({ after: fc.nat(4), kind: fc.nat(1), namespace: fc.nat(6), takes: fc.nat(3) });
    const arrivals = fc.array(arrival, { minLength: 1, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(arrivals, fc.boolean(), async (all, isTooLarge) => {
        let now = 0;
        const schedule = new ListSchedule(new TokenBucket({ burst: 2, everyMs: 1 }));
        const kinds = [new Kind(() => now++), new Kind(() => now++)];
        const ask = kinds.map((kind) => schedule.add(kind));
        const asked: Promise<void>[] = [];
        for (const { after, kind, namespace, takes } of all) {
          await turns(after);
          const chosen = kinds[kind] as Kind;
          Object.assign(chosen, { isTooLarge, takes: () => turns(takes) });
          const came = now++;
          const check = ({ began, of }: Answer): void => {
            assert.ok(began > came, `began at ${began}, asked at ${came}`);
            assert.ok(of === '*' || of === `n${namespace}`, of);
          };
          asked.push((ask[kind] as (name: string) => Promise<Answer>)(`n${namespace}`).then(check));
        }
        await Promise.all(asked);
        for (const kind of kinds) assert.ok(kind.mostAtOnce <= 1);
        assert.ok(kinds.flatMap(({ listed }) => listed).length <= all.length + kinds.length);
      }),
      { numRuns: 60 },
    );
  });

  it('lists twice for a crowd, and once for many namespaces', async () => {
    const kind = new Kind(() => 0);
    const ask = new ListSchedule(new TokenBucket(unhurried)).add(kind);
    kind.takes = () => sleep(20);
    const first = ask('web');
    await turns(3);
    await Promise.all([first, ...Array.from({ length: 400 }, () => ask('web'))]);
    assert.deepEqual(kind.listed, ['web', 'web']);
    kind.listed.length = 0;
    await Promise.all(Array.from({ length: 400 }, (_, index) => ask(`n${index}`)));
    assert.deepEqual(kind.listed, ['*']);
  });

  it('keeps its pace, whatever the number of kinds and namespaces, and serves them all', async () => {
    const kinds = Array.from({ length: 3 }, () => new Kind(() => 0));
    const schedule = new ListSchedule(new TokenBucket(unhurried));
    const ask = kinds.map((kind) => schedule.add(kind));
    for (const kind of kinds) kind.takes = () => sleep(5);
    const began = performance.now();
    let answered = 0;
    const worker = async (_: unknown, index: number): Promise<void> => {
      while (performance.now() - began < 1500) {
        await Promise.all(ask.map((each) => each(`n${index}`)));
        answered++;
      }
    };
    await Promise.all(Array.from({ length: 100 }, worker));
    const seconds = (performance.now() - began) / 1000;
    const lists = kinds.flatMap(({ listed }) => listed);
    assert.ok(lists.length <= 6 + 14 * seconds, `${lists.length} lists in ${seconds} s`);
    assert.ok(answered >= 100, `${answered} were answered`);
    assert.ok(kinds.every(({ listed }) => listed.includes('*')));
  });

  it('lists namespaces one by one if the cluster has too many objects, and refuses those who wait too long', async () => {
    const kind = new Kind(() => 0);
    const ask = new ListSchedule(new TokenBucket({ burst: 1, everyMs: 100 })).add(kind);
    kind.isTooLarge = true;
    const asked = await Promise.allSettled(Array.from({ length: 40 }, (_, index) => ask(`n${index}`)));
    const [first, ...others] = kind.listed;
    assert.equal(first, '*');
    assert.deepEqual(
      others,
      Array.from(others, (_, index) => `n${index}`),
    );
    assert.ok(others.length >= 5 && others.length <= 20, `${others.length} are listed`);
    for (const [index, outcome] of asked.entries()) {
      if (outcome.status === 'fulfilled')
        assert.deepEqual([outcome.value.of, index < others.length], [`n${index}`, true]);
      else {
        assert.ok(outcome.reason instanceof FairleadError && outcome.reason.kind === 'Unavailable');
        const message = new RegExp(`^cannot list the Things of namespace n${index}: too many other lists`);
        assert.match(outcome.reason.message, message);
      }
    }
  });

  it('waits a second for a list that does not end, and tells all who share it when a list fails', async () => {
    const kind = new Kind(() => 0);
    const ask = new ListSchedule(new TokenBucket(unhurried)).add(kind);
    const stuck = Promise.withResolvers<void>();
    kind.takes = () => stuck.promise;
    const first = ask('web');
    await turns(3);
    kind.takes = async () => {
      throw new FairleadError('NotFound', 'gone');
    };
    const others = await Promise.allSettled([ask('web'), ask('web')]);
    assert.deepEqual(kind.listed, ['web', 'web']);
    for (const outcome of others) assert.equal(outcome.status === 'rejected' && outcome.reason.message, 'gone');
    stuck.resolve();
    assert.equal((await first).of, 'web');
  });
});
