import { FairleadError } from '#lib/errors';
import type { PulledProfile } from './pull-profile.ts';

/** Most bytes of artifacts that are remembered; a profile as a value takes several times its size. */
const rememberedBytes = 2 * 1024 * 1024;

/** Longest time that a flight may take in all, in milliseconds: as long as a kubelet waits for a container to be created. */
const longestFlight = 120_000;

/**
 * What a process that pulls again and again remembers between pulls: results that were verified under a policy revision,
 * and the pulls that are under way, so that many callers for the same artifact cause one.
 */
export interface PullMemory {
  recall(key: string): PulledProfile | undefined;
  remember(key: string, pulled: PulledProfile): void;
  /**
   * Joins the flight of this name, or starts it. The flight is given up when all of its callers have, and after two minutes
   * (Unavailable), however little by little a registry goes on answering.
   */
  fly(key: string, signal: AbortSignal | undefined, start: (signal: AbortSignal) => Promise<PulledProfile>): Flight;
}

export interface Flight {
  readonly result: Promise<PulledProfile>;
  /** False for the caller who started it. */
  readonly joined: boolean;
}

interface Flying {
  readonly result: Promise<PulledProfile>;
  readonly abort: AbortController;
  callers: number;
}

/** A memory for one policy after another: a key names the policy's revision, so what was decided under an older one is never found. */
export function pullMemory(): PullMemory {
  const remembered = new Map<string, PulledProfile>();
  const flights = new Map<string, Flying>();
  let bytes = 0;

  function drop(key: string, pulled: PulledProfile): void {
    remembered.delete(key);
    bytes -= sizeOf(pulled);
  }

  return {
    recall(key) {
      const pulled = remembered.get(key);
      if (pulled !== undefined) {
        // Moved to the end: the least recently used is the first to go.
        remembered.delete(key);
        remembered.set(key, pulled);
      }
      return pulled;
    },
    remember(key, pulled) {
      const before = remembered.get(key);
      if (before !== undefined) drop(key, before);
      remembered.set(key, pulled);
      bytes += sizeOf(pulled);
      for (const [oldest, other] of remembered) {
        if (bytes <= rememberedBytes) break;
        drop(oldest, other);
      }
    },
    fly(key, signal, start) {
      let flying = flights.get(key);
      const joined = flying !== undefined;
      if (flying === undefined) {
        const abort = new AbortController();
        const started: Flying = { result: start(abort.signal), abort, callers: 0 };
        flying = started;
        flights.set(key, started);
        const timer = setTimeout(() => abort.abort(tooLong(key)), longestFlight);
        timer.unref();
        const land = (): void => {
          clearTimeout(timer);
          if (flights.get(key) === started) flights.delete(key);
        };
        started.result.then(land, land);
        abort.signal.addEventListener('abort', land); // nobody may join a flight that is given up
      }
      return { result: ride(flying, signal), joined };
    },
  };
}

/** The flight's result for one caller, who may give up before it is there. */
function ride(flying: Flying, signal: AbortSignal | undefined): Promise<PulledProfile> {
  flying.callers++;
  return new Promise((resolve, reject) => {
    const giveUp = (): void => {
      flying.callers--;
      if (flying.callers === 0) flying.abort.abort(signal?.reason);
      reject(signal?.reason);
    };
    if (signal?.aborted) return giveUp();
    signal?.addEventListener('abort', giveUp, { once: true });
    flying.result.then(resolve, reject).finally(() => signal?.removeEventListener('abort', giveUp));
  });
}

function tooLong(key: string): FairleadError {
  return new FairleadError('Unavailable', `the pull of ${key} took longer than ${longestFlight / 1000} seconds`, {
    hint: 'The registry answers too slowly. Try again later.',
  });
}

function sizeOf({ artifact }: PulledProfile): number {
  return artifact.manifestBytes.length + artifact.blobs.reduce((sum, { bytes }) => sum + bytes.length, 0);
}
