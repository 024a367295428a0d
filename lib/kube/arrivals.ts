/** The changes that arrive after a call of `Informer.expect`. */
export interface Arrival {
  /**
   * Resolves when everything is held that was written to the resource up to a version. What was
   * held at that moment does not count: after a restore of etcd, versions begin again at lower
   * numbers. Nor do bookmarks. Rejects with the reason of `signal` if it aborts before.
   *
   * Versions are compared as numbers (KEP-5504). A version that is not a number is never reached.
   */
  reached(version: string, signal: AbortSignal): Promise<void>;
  /** Stops recording. {@link reached} stops it as well. */
  end(): void;
}

/** Records the latest version that has arrived, until it reaches the expected one. */
export class Arrivals implements Arrival {
  readonly end: () => void;
  #highest = -1n;
  #check: () => void = () => undefined;

  constructor(end: () => void) {
    this.end = end;
  }

  /** Records that everything up to a version is held. */
  note(version: bigint): void {
    if (version > this.#highest) this.#highest = version;
    this.#check();
  }

  reached(version: string, signal: AbortSignal): Promise<void> {
    const wanted = versionNumber(version);
    return new Promise<void>((resolve, reject) => {
      const abort = (): void => reject(signal.reason);
      signal.addEventListener('abort', abort, { once: true });
      this.#check = () => {
        if (wanted !== undefined && wanted <= this.#highest) resolve();
      };
      this.#check();
      if (signal.aborted) abort();
    }).finally(this.end);
  }
}

/** Returns a version as a number; undefined for another text. */
export function versionNumber(version: string): bigint | undefined {
  return /^\d+$/.test(version) ? BigInt(version) : undefined;
}
