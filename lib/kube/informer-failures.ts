import { FairleadError } from '#lib/errors';
import { isMissingCollection } from './api-error.ts';
import type { Backoff } from './backoff.ts';
import type { KubeObject } from './kube-object.ts';
import { describeObject, type Resource } from './resource.ts';

/**
 * The longest delay while a resource is not served: the user who applies its definition looks at
 * what happens then, and the answer costs the API server little.
 */
const unservedMaxMs = 5000;
/** The same warning is not logged again within this time. */
const warnAgainMs = 30_000;

/** Keeps warnings with the same text from being logged more than once in 30 seconds. */
export class RareWarnings {
  /** The last warning, and when it was logged, in time of `performance.now`. */
  #last: { readonly summary: string; readonly at: number } | undefined;

  /** Reports whether to log a warning, which is then recorded as logged. */
  mayWarn(summary: string): boolean {
    const now = performance.now();
    if (this.#last?.summary === summary && now - this.#last.at < warnAgainMs) return false;
    this.#last = { summary, at: now };
    return true;
  }

  /** Lets the next warning be logged, because what was warned of has ended. */
  forget(): void {
    this.#last = undefined;
  }
}

/** Returns the delays after a failure. */
export function backoffAfter(failed: FairleadError | undefined, { initialMs, maxMs }: Backoff): Backoff {
  return isMissingCollection(failed) ? { initialMs, maxMs: Math.min(maxMs, unservedMaxMs) } : { initialMs, maxMs };
}

/** Returns why an object is rejected: whatever a parser throws is about its input, the object. */
export function rejectionOf(resource: Resource, { metadata }: KubeObject, thrown: unknown): FairleadError {
  if (thrown instanceof FairleadError) return thrown;
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  const summary = `cannot read ${describeObject(resource, metadata)}: ${reason}`;
  return new FairleadError('InvalidInput', summary, { cause: thrown });
}

/** Returns the version of a bookmark; undefined for an object that has none. */
export function bookmarkVersion(object: unknown): string | undefined {
  if (typeof object !== 'object' || object === null || !('metadata' in object)) return undefined;
  const { metadata } = object;
  if (typeof metadata !== 'object' || metadata === null || !('resourceVersion' in metadata)) return undefined;
  return typeof metadata.resourceVersion === 'string' ? metadata.resourceVersion : undefined;
}
