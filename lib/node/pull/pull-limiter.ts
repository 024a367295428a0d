import { FairleadError } from '#lib/errors';
import type { Descriptor } from '#lib/registry/descriptor';
import type { ManifestResolver } from '#lib/registry/one-request';
import type { ReadTarget } from '#lib/registry/target';
import { FairBudget } from '../../concurrency/fair-budget.ts';

/**
 * Limits of all pulls of a process together. A pull with the signatures of a few signers has about
 * 100 KiB. One from a repository that every client may write to comes to 72 MiB of signatures, and
 * a node starts dozens of pods at once.
 */
export const pullLimits = {
  /** Pulls at the same time, so that a registry that answers slowly cannot take all of them. */
  pulls: { total: 16, share: 8 },
  /** Bytes that a pull may fetch before it is treated as large. */
  bytes: 1024 * 1024,
  /** Large pulls at the same time. */
  largePulls: { total: 2, share: 1 },
  /** Longest wait for either, in milliseconds. */
  wait: 60_000,
} as const;

/** Bounds the pulls that a process makes at the same time, and what they hold in memory. */
export class PullLimiter {
  readonly #pulls = new FairBudget(pullLimits.pulls);
  readonly #largePulls = new FairBudget(pullLimits.largePulls);
  readonly #wait: number;

  /** `wait` is the longest wait for a turn, in milliseconds. */
  constructor({ wait = pullLimits.wait }: { readonly wait?: number } = {}) {
    this.#wait = wait;
  }

  /**
   * Waits for the turn of a pull from a registry. Rejects with Unavailable after the longest wait,
   * and with the signal's reason.
   */
  async begin(registry: string, signal: AbortSignal | undefined): Promise<PullTurn> {
    const end = await this.#take(this.#pulls, registry, signal);
    return new PullTurn(end, () => this.#take(this.#largePulls, registry, signal));
  }

  async #take(budget: FairBudget, registry: string, signal: AbortSignal | undefined): Promise<() => void> {
    const patience = AbortSignal.timeout(this.#wait);
    try {
      return await budget.acquire(registry, 1, signal === undefined ? patience : AbortSignal.any([signal, patience]));
    } catch (reason) {
      if (!patience.aborted || signal?.aborted) throw reason;
      throw new FairleadError(
        'Unavailable',
        `the pull from ${registry} waited ${this.#wait / 1000} seconds for other pulls to end`,
        { hint: 'Registries answer slowly, or artifacts have many signatures. Try again later.' },
      );
    }
  }
}

/** The turn of one pull. */
export class PullTurn {
  readonly #end: () => void;
  readonly #beginLarge: () => Promise<() => void>;
  #large: Promise<() => void> | undefined;
  #bytes = 0;

  /** Takes how to end the turn, and how to wait for that of a large pull. */
  constructor(end: () => void, beginLarge: () => Promise<() => void>) {
    this.#end = end;
    this.#beginLarge = beginLarge;
  }

  /**
   * Returns the same source with its bytes counted: before content is fetched, and after a list or
   * a manifest was received. If the pull becomes a large one, it waits there for its turn, and
   * rejects as {@link PullLimiter.begin} does.
   */
  meter(source: ReadTarget | (ReadTarget & ManifestResolver)): ReadTarget | (ReadTarget & ManifestResolver) {
    const metered: ReadTarget = {
      resolve: (tagOrDigest, options) => source.resolve(tagOrDigest, options),
      referrers: async (subject, options) => {
        const listed = await source.referrers(subject, options);
        await this.#count(listed.reduce((sum, descriptor) => sum + sizeInMemory(descriptor), 0));
        return listed;
      },
      fetch: async (descriptor, options) => {
        await this.#count(descriptor.size);
        return source.fetch(descriptor, options);
      },
    };
    if (!('resolveManifest' in source)) return metered;
    return {
      ...metered,
      resolveManifest: async (tagOrDigest, options) => {
        const resolved = await source.resolveManifest(tagOrDigest, options);
        await this.#count(resolved.bytes.length);
        return resolved;
      },
    };
  }

  /** Ends the turn; to be called once. */
  end(): void {
    this.#end();
    // A turn that comes only now is given back. One that never came was the pull's own error.
    this.#large?.then(
      (end) => end(),
      () => undefined,
    );
  }

  async #count(bytes: number): Promise<void> {
    this.#bytes += bytes;
    if (this.#bytes <= pullLimits.bytes) return;
    // Fetches of the same pull wait together.
    this.#large ??= this.#beginLarge();
    await this.#large;
  }
}

function sizeInMemory(descriptor: Descriptor): number {
  return JSON.stringify(descriptor).length;
}
