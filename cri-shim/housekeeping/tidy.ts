import type { InstalledAppArmor } from '#lib/node/install/apparmor/installed-profiles';
import type { Store } from '#lib/node/store/store';
import type { ShimLog } from '../report/shim-log.ts';
import { profilesInUse, type RuntimeLists } from './uses.ts';

/** How often what is unused is removed, in milliseconds, on a node to which nothing is added. */
const tidyingInterval = 10 * 60_000;
/** Number of additions after which the state directory is tidied, first after addition 1. */
const growthBetweenTidying = 256;
/** How long the runtime may take to list its containers and sandboxes, in milliseconds. */
const tidyingTime = 60_000;

/**
 * How long what is not asked for stays if an administrator has it collected, in milliseconds: a
 * container may be about to be created.
 */
const shortestLife = 2 * 60_000;

/** What was removed. */
export interface Collected {
  /** Digests. */
  readonly artifacts: readonly string[];
  /** Names of files. */
  readonly effective: readonly string[];
  /** Names of AppArmor profiles. */
  readonly appArmor: readonly string[];
}

/** The dependencies of a Tidier. */
export interface TidierDependencies {
  readonly store: Store;
  readonly appArmor: Pick<InstalledAppArmor, 'dropUnused' | 'time'>;
  readonly runtime: RuntimeLists;
  readonly log: Pick<ShimLog, 'warn'>;
}

/**
 * Tidies the state directory and the kernel as they grow. Removes what is unused: records of
 * removed containers, effective profiles, AppArmor profiles, and artifacts that need much space.
 * Pods that crash repeatedly, or that the runtime refuses, add to all of them.
 */
export class Tidier {
  readonly #store: Store;
  readonly #appArmor: Pick<InstalledAppArmor, 'dropUnused' | 'time'>;
  readonly #runtime: RuntimeLists;
  readonly #log: Pick<ShimLog, 'warn'>;
  readonly #stopping = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #growth = 0;
  #tidying: Promise<void> | undefined;
  /** The last removal: one is made after the other. */
  #last: Promise<unknown> = Promise.resolve();
  #checking: Promise<void> | undefined;

  constructor({ store, appArmor, runtime, log }: TidierDependencies) {
    this.#store = store;
    this.#appArmor = appArmor;
    this.#runtime = runtime;
    this.#log = log;
    this.#timer = setInterval(() => this.#begin(), tidyingInterval).unref();
  }

  /**
   * Begins to verify what was in the state directory when it was opened, unless that is under way
   * or done. Does not hold up what removes the unused: to read thousands of artifacts from a slow
   * disk takes minutes.
   */
  verify(): void {
    if (this.#stopping.signal.aborted) return;
    this.#checking ??= this.#check().finally(() => {
      this.#checking = undefined;
    });
  }

  /** Counts an addition to the state directory. Callers call it after each one. */
  grown(): void {
    if (this.#growth++ % growthBetweenTidying === 0) this.#begin();
  }

  /**
   * Removes at once what is unused and was not asked for in the last two minutes. Rejects if the
   * runtime does not list its containers, an AppArmor profile cannot be unloaded, or the tidier
   * stops.
   */
  collect(signal: AbortSignal): Promise<Collected> {
    return this.#remove(AbortSignal.any([this.#stopping.signal, signal]), shortestLife);
  }

  /** Ends the current removal and starts no other, before the directory is released. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopping.abort();
    await this.#last;
    await this.#checking;
  }

  #begin(): void {
    if (this.#stopping.signal.aborted) return;
    this.#tidying ??= this.#tidy().finally(() => {
      this.#tidying = undefined;
    });
    // Goes on with what could not be verified before.
    this.verify();
  }

  async #tidy(): Promise<void> {
    try {
      await this.#remove(AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(tidyingTime)]));
    } catch (error) {
      if (!this.#stopping.signal.aborted) this.#log.warn({ err: error }, 'cannot tidy the state directory');
    }
  }

  async #check(): Promise<void> {
    try {
      await this.#store.check(this.#stopping.signal);
    } catch (error) {
      if (!this.#stopping.signal.aborted) this.#log.warn({ err: error }, 'cannot verify the state directory');
    }
  }

  #remove(signal: AbortSignal, life?: number): Promise<Collected> {
    const removed = this.#last.then(() => this.#removeNow(signal, life));
    // The caller handles the error: the next removal only waits for the end of this one.
    this.#last = removed.catch(() => undefined);
    return removed;
  }

  async #removeNow(signal: AbortSignal, life?: number): Promise<Collected> {
    signal.throwIfAborted();
    const effective = await this.#store.effective.dropOld(life);
    const asOf = this.#appArmor.time;
    const inUse = await profilesInUse(this.#store, this.#runtime, signal);
    const artifacts = await this.#store.dropUnused(inUse.artifacts, { life, signal });
    const { unreported: containers } = inUse;
    if (containers.length > 0) {
      this.#log.warn(
        { containers },
        'no AppArmor profile is unloaded: the runtime does not report those of these containers',
      );
      return { artifacts, effective, appArmor: [] };
    }
    const appArmor = await this.#appArmor.dropUnused(inUse.appArmor, signal, { life, asOf });
    return { artifacts, effective, appArmor };
  }
}
