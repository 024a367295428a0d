import { LRUCache } from 'lru-cache';
import type { Descriptor } from '#lib/registry/descriptor';
import type { ReadTarget } from '#lib/registry/target';
import { Departures, Flights } from '../../concurrency/flights.ts';
import type { PulledProfile } from './pulled-profile.ts';

const defaultBytes = 2 * 1024 * 1024;
/** What the objects of a pulled profile take beside its bytes: for a small one, most of it. */
const objectBytes = 8 * 1024;

/** What a tag was resolved to, with a way to read it. */
export interface ResolvedTag {
  readonly descriptor: Descriptor;
  readonly target: ReadTarget;
}

/**
 * What a process that pulls again and again remembers between pulls: results that were verified
 * under a policy revision, and the pulls that are under way, so that many callers for the same
 * artifact cause one pull. A key names the policy's revision, so that a decision under an older one
 * is never found.
 */
export class PullMemory {
  /** Pulls by digest that are under way. */
  readonly flights: Flights<PulledProfile>;
  /** Questions whether a caller may have an artifact that are under way. */
  readonly questions: Flights<void>;
  /** Tags that are being resolved. */
  readonly tags = new Departures<ResolvedTag>();
  /**
   * True if all callers have the same credentials: what a registry refuses to one of them, it
   * refuses to all.
   */
  readonly sameCredentials: boolean;
  readonly #remembered: LRUCache<string, PulledProfile>;

  /**
   * Remembers at most `bytes` of artifacts and their objects, 2 MiB by default. A parsed profile
   * takes about three times its size in addition. No pull takes more than `longest` milliseconds,
   * two minutes by default.
   */
  constructor({
    bytes = defaultBytes,
    sameCredentials = false,
    ...flights
  }: { readonly bytes?: number; readonly sameCredentials?: boolean; readonly longest?: number } = {}) {
    this.flights = new Flights(flights);
    this.questions = new Flights(flights);
    this.#remembered = new LRUCache({ maxSize: bytes, sizeCalculation: sizeOf });
    this.sameCredentials = sameCredentials;
  }

  recall(key: string): PulledProfile | undefined {
    return this.#remembered.get(key);
  }

  remember(key: string, pulled: PulledProfile): void {
    this.#remembered.set(key, pulled);
  }
}

function sizeOf({ artifact }: PulledProfile): number {
  const { manifestBytes, blobs } = artifact;
  return objectBytes + manifestBytes.length + blobs.reduce((sum, { bytes }) => sum + bytes.length, 0);
}
