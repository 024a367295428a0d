import type { ServerHttp2Stream } from 'node:http2';
import { FairBudget } from '#lib/concurrency/fair-budget';

/** How many bytes of large messages are held at the same time. In use, each takes about thrice. */
const total = 96 * 1024 * 1024;
/** Messages of up to this length do not wait, in bytes: nearly all are shorter. */
const usual = 64 * 1024;
/** All calls share the memory of the process. */
const owner = 'shim';

/**
 * Limits the memory of the messages that handlers have: a pod can make one of more than a mebibyte,
 * and the kubelet creates many at the same time. Large ones wait until others have ended.
 */
export class MessageMemory {
  readonly #budget = new FairBudget({ total, share: total });

  /**
   * Waits until there is room for the message of a call, and keeps it until the call has ended.
   * Rejects with the reason of the signal.
   */
  async reserve(bytes: number, call: ServerHttp2Stream, signal: AbortSignal): Promise<void> {
    if (bytes <= usual) return;
    const release = await this.#budget.acquire(owner, bytes, signal);
    if (call.closed) release();
    else call.once('close', release);
  }
}
