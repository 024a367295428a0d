import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { after, afterEach, before, beforeEach, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { FairleadError } from '#lib/errors';
import { KubeClient } from '#lib/kube/client';
import { runAsLeader } from '#lib/kube/leader-election';
import { leases } from '#lib/kube/lease';
import { ObjectClient, type Term } from '#lib/kube/object-client';
import { type Apiserver, apiserverRequirements, startApiserver } from '#test/peers/apiserver';
import { describePeers } from '#test/peers/require';
import { Front } from '#test/support/kube/front';
import { defineWidgets, TestLog, until, widget, widgets } from '#test/support/kube/widgets';

const script = fileURLToPath(new URL('../../support/kube/candidate.ts', import.meta.url));
const lease = { namespace: 'default', name: 'leader' };
const leaseSeconds = 3;

/** A moment at which a process knew that it leads. */
interface Stamp {
  readonly term: string;
  readonly at: number;
}

/** A process that wants to lead. */
class Candidate {
  readonly stamps: Stamp[] = [];
  readonly #child: ChildProcess;
  readonly #gone: Promise<unknown>;

  constructor(kubeconfig: string, identity: string, skew: number) {
    const args = [script, kubeconfig, identity, String(skew)];
    this.#child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#gone = new Promise((resolve) => this.#child.once('close', resolve));
    let rest = '';
    this.#child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const [term = '', at] = line.split(' ');
        this.stamps.push({ term, at: Number(at) });
      }
    });
  }

  get isLeading(): boolean {
    const now = Number(process.hrtime.bigint() / 1_000_000n);
    return now - (this.stamps.at(-1)?.at ?? 0) < 200;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async end(name: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#child.kill(name);
    if (name !== 'SIGKILL') this.#child.kill('SIGCONT');
    await this.#gone;
  }
}

describePeers(apiserverRequirements, 'runAsLeader', () => {
  let apiserver: Apiserver;
  let fronts: Front[];
  let direct: KubeClient;
  let client: ObjectClient;
  const stops: (() => Promise<void>)[] = [];

  before(async () => {
    apiserver = await startApiserver();
    await defineWidgets(apiserver);
    fronts = [await Front.start(apiserver), await Front.start(apiserver)];
    direct = await KubeClient.open({ kubeconfig: apiserver.kubeconfig, answerWithin: 10_000 });
    client = new ObjectClient(direct);
  });
  beforeEach(() => {
    for (const front of fronts) {
      front.mode = { do: 'pass' };
      front.requests.length = 0;
    }
  });
  afterEach(async () => {
    await Promise.all(stops.splice(0).map((stop) => stop()));
    await client.delete(leases, lease).catch(() => undefined);
  });
  after(async () => {
    direct?.close();
    for (const front of fronts ?? []) await front.stop();
    await apiserver?.stop();
  });

  /** Starts a candidate in this process, behind a front, and returns its terms. */
  const start = async (front: Front, identity: string, more: { lead?: (term: Term) => Promise<void> } = {}) => {
    const api = await KubeClient.open({ kubeconfig: front.kubeconfig, answerWithin: 10_000 });
    const ending = new AbortController();
    const terms: { term: Term; begun: number; ended?: number }[] = [];
    const log = new TestLog();
    const running = runAsLeader(
      { api, lease, identity, leaseSeconds, log },
      async (term) => {
        const record: { term: Term; begun: number; ended?: number } = { term, begun: performance.now() };
        terms.push(record);
        await (more.lead?.(term) ??
          new Promise<void>((resolve) => term.signal.addEventListener('abort', () => resolve())));
        record.ended = performance.now();
      },
      ending.signal,
    );
    const stop = async () => {
      ending.abort();
      await running;
      api.close();
    };
    stops.push(stop);
    return { terms, log, stop, api };
  };
  const spec = async () => (await client.get(leases, lease))['spec'] as Record<string, unknown>;

  it('leads, renews the Lease, and releases it when it stops, so that the next one begins at once', async () => {
    const [front, other] = fronts as [Front, Front];
    const a = await start(front, 'a');
    await until(() => a.terms.length === 1);
    const b = await start(other, 'b');
    await sleep(2 * leaseSeconds * 1000);
    assert.deepEqual([a.terms.length, b.terms.length], [1, 0]);
    const held = await spec();
    assert.deepEqual(
      [held['holderIdentity'], held['leaseDurationSeconds'], held['leaseTransitions']],
      ['a', leaseSeconds, 0],
    );
    assert.ok(front.count() < 30, `${front.count()} requests`);
    const begun = performance.now();
    await a.stop();
    assert.ok(a.terms[0]?.ended !== undefined);
    await until(() => b.terms.length === 1);
    assert.ok(performance.now() - begun < 1000);
    assert.deepEqual([(await spec())['holderIdentity'], (await spec())['leaseTransitions']], ['b', 1]);
  });

  it('stops before another begins if the API server does not answer it', async () => {
    const [front, other] = fronts as [Front, Front];
    const a = await start(front, 'a');
    await until(() => a.terms.length === 1);
    const b = await start(other, 'b');
    await sleep(500);
    for (const mode of [{ do: 'hang' }, { do: 'drop' }, { do: 'answer', status: 500, body: 'broken' }] as const) {
      const [leader, follower] = b.terms.length < a.terms.length ? [a, b] : [b, a];
      const leaderFront = leader === a ? front : other;
      const terms = follower.terms.length;
      leaderFront.mode = mode;
      await until(() => follower.terms.length > terms, 15_000);
      const ended = leader.terms.at(-1)?.ended ?? Number.POSITIVE_INFINITY;
      const begun = follower.terms.at(-1)?.begun ?? 0;
      assert.ok(ended + 500 < begun, `${mode.do}: ended at ${ended}, begun at ${begun}`);
      leaderFront.mode = { do: 'pass' };
      await sleep(300);
    }
  });

  it('stays the leader if the API server hangs for a short time, or answers too late', async () => {
    const [front] = fronts as [Front];
    const { terms } = await start(front, 'a');
    await until(() => terms.length === 1);
    front.mode = { do: 'hang' };
    await sleep(900);
    front.mode = { do: 'pass' };
    await sleep(2500);
    assert.equal(terms.length, 1);
    assert.equal(terms[0]?.ended, undefined);
  });

  it('stops at once if another has taken the Lease', async () => {
    const [front] = fronts as [Front];
    const a = await start(front, 'a');
    await until(() => a.terms.length === 1);
    await client.mergePatch(leases, lease, { spec: { holderIdentity: 'another' } });
    const begun = performance.now();
    await until(() => a.terms[0]?.ended !== undefined);
    assert.ok(performance.now() - begun < 1500);
    assert.match(String(a.terms[0]?.term.signal.reason), /another process holds the Lease/);
    // And takes it over when it has not changed for its time.
    await until(() => a.terms.length === 2);
    assert.ok(performance.now() - begun > leaseSeconds * 1000);
  });

  it('keeps a Lease that is deleted or annotated, and takes no deleted one from a running leader', async () => {
    const [front, other] = fronts as [Front, Front];
    const a = await start(front, 'a');
    await until(() => a.terms.length === 1);
    const b = await start(other, 'b');
    await sleep(1000);
    await client.mergePatch(leases, lease, { metadata: { annotations: { seen: 'yes' } } });
    await sleep(1500);
    await client.delete(leases, lease);
    await sleep(2500);
    assert.deepEqual([a.terms.length, a.terms[0]?.ended, b.terms.length], [1, undefined, 0]);
    assert.equal((await spec())['holderIdentity'], 'a');
  });

  it('writes nothing when its term is over, nor waits for what is under way', async () => {
    const [front] = fronts as [Front];
    const { terms, api } = await start(front, 'a');
    await until(() => terms.length === 1);
    const [{ term } = assert.fail()] = terms;
    const writer = new ObjectClient(api, term);
    await writer.create(widgets, widget('one'));
    front.mode = { do: 'hang' };
    const hanging = assert.rejects(writer.delete(widgets, { name: 'one' }), { kind: 'Unavailable' });
    await until(() => term.signal.aborted);
    await hanging;
    const count = front.count(({ url }) => url.includes('widgets'));
    await assert.rejects(writer.delete(widgets, { name: 'one' }), (thrown) => {
      assert.ok(thrown instanceof FairleadError);
      assert.match(thrown.message, /not the leader any more/);
      return true;
    });
    assert.equal(
      front.count(({ url }) => url.includes('widgets')),
      count,
    );
    await client.delete(widgets, { name: 'one' });
  });

  it('notices by itself that it hung, before its timers do', async () => {
    const [front] = fronts as [Front];
    const { terms } = await start(front, 'a');
    await until(() => terms.length === 1);
    const [{ term } = assert.fail()] = terms;
    term.check();
    const until_ = performance.now() + 2100;
    while (performance.now() < until_);
    assert.equal(term.signal.aborted, false);
    assert.throws(() => term.check(), /not renewed in time/);
    assert.equal(term.signal.aborted, true);
  });

  it('leads again after its work has failed, not in a hurry', async () => {
    const [front] = fronts as [Front];
    const { terms, log } = await start(front, 'a', {
      async lead() {
        throw new Error('broken work');
      },
    });
    await sleep(2000);
    assert.ok(terms.length >= 2 && terms.length <= 8, `${terms.length}`);
    assert.ok(log.lines.some(({ level }) => level === 'error'));
  });

  it('never has two leaders, whichever process is paused, killed or stopped, and whatever their clocks show', async () => {
    const kubeconfig = apiserver.kubeconfig;
    const hour = 3_600_000;
    const skews = [0, hour, -hour];
    const all: Candidate[] = [];
    const add = (skew: number) => all.push(new Candidate(kubeconfig, `c${all.length}`, skew));
    for (const skew of skews) add(skew);
    stops.push(async () => {
      for (const each of all) await each.end();
    });
    const leader = async () => {
      await until(() => all.some((each) => each.isLeading), 20_000);
      return all.find((each) => each.isLeading) as Candidate;
    };
    for (let round = 0; round < 3; round++) {
      const paused = await leader();
      paused.signal('SIGSTOP');
      await until(() => all.some((each) => each !== paused && each.isLeading), 20_000);
      // It goes on where it was interrupted, while another leads.
      paused.signal('SIGCONT');
      await sleep(500);
    }
    // Paused for less than its lease: it or another may lead then, but not both.
    const short = await leader();
    short.signal('SIGSTOP');
    await sleep(2500);
    short.signal('SIGCONT');
    await sleep(1000);
    const killed = await leader();
    await killed.end();
    add(5 * hour);
    const stopped = await leader();
    await stopped.end('SIGTERM');
    await leader();
    const stamps = all.flatMap((each) => each.stamps).sort((a, b) => a.at - b.at);
    const order = stamps.map(({ term }) => term).filter((term, i, terms) => term !== terms[i - 1]);
    assert.equal(order.length, new Set(order).size, `two at once: ${order.join(' ')}`);
    assert.ok(order.length >= 5, order.join(' '));
  });
});
