import { setTimeout as sleep } from 'node:timers/promises';
import { FairleadError, toFairleadError } from '#lib/errors';
import { isNotFound } from './api-error.ts';
import type { WritableApiServer } from './api-server.ts';
import type { KubeObject } from './kube-object.ts';
import { type LeaseSpec, leaseOf, leases, parseLease } from './lease.ts';
import type { KubeLog } from './log.ts';
import type { KubeMetrics } from './metrics.ts';
import { ObjectClient, type Term } from './object-client.ts';
import { type ObjectName, objectKey } from './resource.ts';

export interface LeaderElectionOptions {
  readonly api: WritableApiServer;
  /** The Lease; it is created if it does not exist. */
  readonly lease: ObjectName & { readonly namespace: string };
  /** Who we are: unique for each process, such as the name of the pod and a random part. */
  readonly identity: string;
  /** Seconds after its last renewal at which others take over the Lease, 15 by default. */
  readonly leaseSeconds?: number | undefined;
  readonly log: KubeLog;
  readonly metrics?: KubeMetrics | undefined;
}

/**
 * A leader stops after this part of the lease without a renewal; the rest is for calls that are
 * under way, and for clocks that do not run at the same speed.
 */
const leadingPart = 2 / 3;
/** The part of the lease between two attempts to get or renew it. */
const retryPart = 2 / 15;
/** The part of the lease in which a call must be answered. */
const callPart = 1 / 5;
/**
 * No leader is waited for any longer, whatever its Lease states: a client that may write it could
 * otherwise keep all replicas from leading for years.
 */
const longestLeaseMs = 120_000;

/**
 * Calls `lead` while we hold a Lease, and again each time that we get it, until `signal` aborts.
 * `lead` has to end when the signal of its term aborts; until then no other replica begins.
 * Whatever fails is logged and tried again.
 *
 * Clocks of different machines are never compared. We stop by our own clock, counted from before
 * the last renewal was sent. Another takes over by its own, counted from after it last saw the
 * Lease change, so that it is later in any case.
 */
export async function runAsLeader(
  options: LeaderElectionOptions,
  lead: (term: Term) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const candidate = new Candidate(options);
  const { log, lease, metrics } = options;
  const fields = { lease: objectKey(lease), identity: options.identity };
  metrics?.setLeader(lease.name, false);
  while (!signal.aborted) {
    const term = await candidate.acquire(signal);
    if (term === undefined) return;
    log.info(fields, 'this process leads from now on');
    metrics?.setLeader(lease.name, true);
    const renewing = candidate.renew(term, signal);
    try {
      await lead(term);
    } catch (thrown) {
      log.error({ ...fields, err: toFairleadError(thrown) }, 'leading has failed');
    }
    term.end('the work has ended');
    await renewing;
    metrics?.setLeader(lease.name, false);
    log.info({ ...fields, reason: term.reason }, 'this process leads no more');
    await candidate.release();
    // Another may be able to do what has failed here.
    await candidate.pause(signal);
  }
}

/** The time for which we lead. */
class LeaderTerm implements Term {
  readonly #lengthMs: number;
  readonly #ending = new AbortController();
  #renewedAt: Moment;
  #timer: NodeJS.Timeout | undefined;

  constructor(renewedAt: Moment, lengthMs: number) {
    this.#renewedAt = renewedAt;
    this.#lengthMs = lengthMs;
    this.#watchClock();
  }

  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  /** Why it is over. */
  get reason(): unknown {
    return this.signal.reason;
  }

  check(): void {
    if (!this.signal.aborted && elapsed(this.#renewedAt) >= this.#lengthMs)
      this.end('the Lease was not renewed in time');
    if (this.signal.aborted) {
      throw new FairleadError('Conflict', `this process is not the leader any more: ${this.reason}`);
    }
  }

  /** Continues the term, if it is not over, after a renewal that was sent at `sentAt`. */
  renewed(sentAt: Moment): void {
    this.#renewedAt = sentAt;
    this.#watchClock();
  }

  end(reason: string): void {
    clearTimeout(this.#timer);
    this.#ending.abort(reason);
  }

  #watchClock(): void {
    clearTimeout(this.#timer);
    if (this.signal.aborted) return;
    const left = Math.max(0, this.#lengthMs - elapsed(this.#renewedAt));
    this.#timer = setTimeout(() => {
      if (elapsed(this.#renewedAt) >= this.#lengthMs) this.end('the Lease was not renewed in time');
      else this.#watchClock();
    }, left);
  }
}

/** What is known of the Lease. */
interface Observed {
  readonly resourceVersion: string;
  readonly spec: LeaseSpec;
  /** When this content was first seen. */
  readonly since: Moment;
}

class Candidate {
  readonly #options: LeaderElectionOptions;
  readonly #leaseMs: number;
  #observed: Observed | undefined;

  constructor(options: LeaderElectionOptions) {
    this.#options = options;
    this.#leaseMs = (options.leaseSeconds ?? 15) * 1000;
  }

  /** Returns a term when we hold the Lease; undefined if `signal` aborts before. */
  async acquire(signal: AbortSignal): Promise<LeaderTerm | undefined> {
    const { log, lease } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      try {
        const sentAt = await this.#try(signal, await this.#read(signal));
        failures = 0;
        const term = sentAt === undefined ? undefined : new LeaderTerm(sentAt, this.#leaseMs * leadingPart);
        if (term !== undefined) return term;
      } catch (thrown) {
        if (signal.aborted) return undefined;
        const fields = { err: toFairleadError(thrown), lease: objectKey(lease) };
        // The first may only be that another was faster.
        if (failures++ > 0) log.warn(fields, 'the Lease cannot be acquired');
        else log.debug(fields, 'the Lease cannot be acquired');
      }
      await this.pause(signal);
    }
    return undefined;
  }

  /** Renews the Lease until the term is over. Ends the term if another holds it, or if stopped. */
  async renew(term: LeaderTerm, stopped: AbortSignal): Promise<void> {
    const stop = (): void => term.end('the process stops');
    if (stopped.aborted) stop();
    stopped.addEventListener('abort', stop, { once: true });
    const { log, lease } = this.#options;
    let isKnown = true;
    while (!term.signal.aborted) {
      await this.pause(term.signal);
      if (term.signal.aborted) break;
      try {
        const held = isKnown ? this.#observed : await this.#read(term.signal);
        const sentAt = await this.#try(term.signal, held);
        isKnown = true;
        if (sentAt === undefined) term.end('another process holds the Lease');
        else term.renewed(sentAt);
      } catch (thrown) {
        if (term.signal.aborted) break;
        log.warn({ err: toFairleadError(thrown), lease: objectKey(lease) }, 'the Lease could not be renewed');
        // Someone has changed the Lease, or it was renewed but the answer was lost.
        isKnown = false;
      }
    }
    stopped.removeEventListener('abort', stop);
  }

  /** Lets another take over at once. If that fails, it takes over when the Lease expires. */
  async release(): Promise<void> {
    const { lease, identity, log } = this.#options;
    const held = this.#observed;
    if (held?.spec.holderIdentity !== identity) return;
    const { holderIdentity: _, ...spec } = held.spec;
    const object = { metadata: { ...lease, resourceVersion: held.resourceVersion }, spec };
    try {
      this.#observe(await this.#client(undefined).update(leases, object));
    } catch (thrown) {
      log.info({ err: toFairleadError(thrown), lease: objectKey(lease) }, 'the Lease could not be released');
    }
  }

  /**
   * Writes the Lease with us as its holder, if that is free to do. Returns the moment before it was
   * sent, or undefined if another holds the Lease.
   */
  async #try(signal: AbortSignal, held: Observed | undefined): Promise<Moment | undefined> {
    const { lease, identity, leaseSeconds = 15 } = this.#options;
    if (held !== undefined && !this.#isFree(held)) return undefined;
    const object = leaseOf(lease, held, { identity, seconds: leaseSeconds, now: new Date() });
    const sentAt = currentMoment();
    const client = this.#client(signal);
    this.#observe(await (held === undefined ? client.create(leases, object) : client.update(leases, object)));
    return sentAt;
  }

  #isFree({ spec, since }: Observed): boolean {
    const { holderIdentity, leaseDurationSeconds } = spec;
    if (holderIdentity === '' || holderIdentity === this.#options.identity) return true;
    // The duration that its holder counts on, which may have other settings than we.
    const statedMs = leaseDurationSeconds === undefined ? this.#leaseMs : leaseDurationSeconds * 1000;
    return elapsedAtLeast(since) > Math.min(Math.max(statedMs, 1000), longestLeaseMs);
  }

  /** Returns the Lease as it is now; undefined if it does not exist. */
  async #read(signal: AbortSignal): Promise<Observed | undefined> {
    try {
      return this.#observe(await this.#client(signal).get(leases, this.#options.lease));
    } catch (thrown) {
      if (!isNotFound(thrown)) throw thrown;
      // Who held it may not know that it was deleted.
      if (this.#observed !== undefined && !this.#isFree(this.#observed)) return this.#observed;
      this.#observed = undefined;
      return undefined;
    }
  }

  #observe(object: KubeObject): Observed {
    const spec = parseLease(object);
    const before = this.#observed;
    const isSame = before !== undefined && JSON.stringify(before.spec) === JSON.stringify(spec);
    const since = isSame ? before.since : currentMoment();
    this.#observed = { resourceVersion: object.metadata.resourceVersion, spec, since };
    return this.#observed;
  }

  /** Returns a client for one call, which leaves time for another before the term ends. */
  #client(signal: AbortSignal | undefined): ObjectClient {
    const late = AbortSignal.timeout(this.#leaseMs * callPart);
    const both = signal === undefined ? late : AbortSignal.any([signal, late]);
    return new ObjectClient(this.#options.api, { signal: both, check: () => undefined });
  }

  /** Waits between two attempts, not as long for all. */
  async pause(signal: AbortSignal): Promise<void> {
    const pauseMs = this.#leaseMs * retryPart * (0.8 + Math.random() * 0.4);
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
  }
}

/** A moment by both clocks of this machine. */
interface Moment {
  /** Does not jump, but may stand still while a virtual machine does. */
  readonly steady: number;
  /** Goes on while a virtual machine stands still, but may jump. */
  readonly wall: number;
}

function currentMoment(): Moment {
  return { steady: performance.now(), wall: Date.now() };
}

/** Returns the milliseconds since a moment by the clock that says more: to stop is always safe. */
function elapsed({ steady, wall }: Moment): number {
  return Math.max(performance.now() - steady, Date.now() - wall);
}

/** Returns the milliseconds that have certainly passed since a moment: to wait is always safe. */
function elapsedAtLeast({ steady }: Moment): number {
  return performance.now() - steady;
}
