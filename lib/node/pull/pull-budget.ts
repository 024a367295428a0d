import { FairleadError } from '#lib/errors';
import type { Descriptor } from '#lib/registry/descriptor';
import type { ManifestResolver } from '#lib/registry/one-request';
import type { ReadTarget } from '#lib/registry/target';
import { Slots } from '../../concurrency/slots.ts';

/**
 * What all pulls of a process may take together. A pull with the signatures of a few signers has
 * some 100 KiB; one whose repository anybody may write to comes to 72 MiB of signatures, and a node
 * starts dozens of pods at once.
 */
export const pullLimits = {
  /** Pulls at the same time, so that no registry that answers slowly has all of them. */
  pulls: { most: 16, mostOfKey: 8 },
  /** Bytes that each of them may bring, before it needs to be one of the large ones. */
  bytes: 1024 * 1024,
  /** Large pulls at the same time. */
  largePulls: { most: 2, mostOfKey: 1 },
  /** Longest wait for either, in milliseconds. */
  wait: 60_000,
} as const;

/** Bounds the pulls that a process makes at the same time, and what they hold in memory. */
export class PullBudget {
  readonly #pulls = new Slots(pullLimits.pulls);
  readonly #largePulls = new Slots(pullLimits.largePulls);
  readonly #wait: number;

  /** `wait` is the longest wait for a turn, in milliseconds. */
  constructor({ wait = pullLimits.wait }: { readonly wait?: number } = {}) {
    this.#wait = wait;
  }

  /**
   * Runs a pull from a registry in its turn. What it reads goes through `metered`, which stops
   * before a fetch that is too much for now until others have ended. Rejects with Unavailable if a
   * turn is too long in coming, with the signal's reason, and as the pull does.
   */
  async spend<T>(
    registry: string,
    signal: AbortSignal | undefined,
    pull: (metered: (source: ReadTarget) => ReadTarget) => Promise<T>,
  ): Promise<T> {
    const endPull = await this.#turn(this.#pulls, registry, signal);
    let endLargePull: Promise<() => void> | undefined;
    let bytes = 0;
    const charge = async (more: number): Promise<void> => {
      bytes += more;
      if (bytes <= pullLimits.bytes) return;
      // Fetches of the same pull wait together.
      endLargePull ??= this.#turn(this.#largePulls, registry, signal);
      await endLargePull;
    };
    try {
      return await pull((source) => meter(source, charge));
    } finally {
      endPull();
      // A turn that comes only now is given back; one that never came was the pull's own error.
      endLargePull?.then(
        (end) => end(),
        () => undefined,
      );
    }
  }

  async #turn(turns: Slots, registry: string, signal: AbortSignal | undefined): Promise<() => void> {
    const patience = AbortSignal.timeout(this.#wait);
    try {
      return await turns.take(registry, signal === undefined ? patience : AbortSignal.any([signal, patience]));
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

/**
 * The same source; before content is fetched, and after a list or a manifest has come, its bytes
 * are charged.
 */
function meter(
  source: ReadTarget | (ReadTarget & ManifestResolver),
  charge: (bytes: number) => Promise<void>,
): ReadTarget | (ReadTarget & ManifestResolver) {
  const metered: ReadTarget = {
    resolve: (tagOrDigest, options) => source.resolve(tagOrDigest, options),
    async referrers(subject, options) {
      const listed = await source.referrers(subject, options);
      await charge(listed.reduce((sum, descriptor) => sum + sizeInMemory(descriptor), 0));
      return listed;
    },
    async fetch(descriptor, options) {
      await charge(descriptor.size);
      return source.fetch(descriptor, options);
    },
  };
  if (!('resolveManifest' in source)) return metered;
  return {
    ...metered,
    async resolveManifest(tagOrDigest, options) {
      const resolved = await source.resolveManifest(tagOrDigest, options);
      await charge(resolved.bytes.length);
      return resolved;
    },
  };
}

function sizeInMemory(descriptor: Descriptor): number {
  return JSON.stringify(descriptor).length;
}
