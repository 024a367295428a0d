import type { Descriptor } from '#lib/registry/descriptor';
import type { ReadTarget } from '#lib/registry/target';
import { BoundedMemory } from '../../concurrency/bounded-memory.ts';
import { Departures, Flights } from '../../concurrency/flights.ts';
import type { PulledProfile } from './pull-profile.ts';

const defaultBytes = 2 * 1024 * 1024;

/** What a tag stood for when it was asked for, with a way to read it. */
export interface ResolvedTag {
  readonly descriptor: Descriptor;
  readonly target: ReadTarget;
}

/**
 * What a process that pulls again and again remembers between pulls: results that were verified
 * under a policy revision, and the pulls that are under way, so that many callers for the same
 * artifact cause one.
 */
export interface PullMemory {
  recall(key: string): PulledProfile | undefined;
  remember(key: string, pulled: PulledProfile): void;
  /** Pulls by digest that are under way. */
  readonly flights: Flights<PulledProfile>;
  /** Tags that are being resolved. */
  readonly tags: Departures<ResolvedTag>;
  /**
   * True where all callers have the same credentials: what one is refused by a registry, all are.
   */
  readonly sameCredentials: boolean;
}

/** Size of a pull memory, and who uses it. */
export interface PullMemoryOptions {
  /**
   * Most bytes of artifacts that are remembered, 2 MiB by default; a profile as a value takes some
   * three times its size beside.
   */
  readonly bytes?: number;
  readonly sameCredentials?: boolean;
}

/**
 * A memory for one policy after another: a key names the policy's revision, so what was decided
 * under an older one is never found.
 */
export function pullMemory({
  bytes: limit = defaultBytes,
  sameCredentials = false,
}: PullMemoryOptions = {}): PullMemory {
  const remembered = new BoundedMemory(limit, sizeOf);
  return {
    recall: (key) => remembered.recall(key),
    remember: (key, pulled) => remembered.remember(key, pulled),
    flights: new Flights(),
    tags: new Departures(),
    sameCredentials,
  };
}

function sizeOf({ artifact }: PulledProfile): number {
  return artifact.manifestBytes.length + artifact.blobs.reduce((sum, { bytes }) => sum + bytes.length, 0);
}
