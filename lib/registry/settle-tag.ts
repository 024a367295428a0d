import { FairleadError } from '#lib/errors';
import { pause } from '#lib/network/transport';
import type { CallOptions } from './target.ts';

/** How often a tag is read until no other writer changes it. */
const mostReads = 64;

/** A change of what a tag holds. `T` is the content of the tag. */
export interface TagChange<T> {
  /**
   * Reads the content from where it is written to: a mirror may have an older one. Returns
   * undefined if there is no such tag.
   */
  read(): Promise<T | undefined>;
  /** Reports whether the content includes the change. */
  includes(content: T): boolean;
  /** Makes the change to this content and writes it. Returns what was written. */
  write(content: T | undefined): Promise<T>;
  isSame(one: T, other: T): boolean;
  /** Finds content that makes the change unnecessary. Called before the change is made again. */
  findReplacement?(): Promise<T | undefined>;
}

export interface SettleOptions extends CallOptions {
  /** Names the tag or its content in the error. */
  readonly name: string;
  /** The next step, if other writers never stop. */
  readonly hint: string;
}

/**
 * Changes the content of a tag, and returns when no other writer has undone the change. `content`
 * is what the tag held a moment ago: read it directly before the call.
 *
 * Registries have no compare-and-swap for tags (distribution-spec, "Pushing manifests"): of two
 * writers that read the same content, the second overwrites the first. Therefore the tag is read
 * again after at least twice the time of a read and a write. By then, a writer that had read before
 * our write has written as well. If the change is gone, it is made again; if something else
 * changed, the tag is watched for another round. Parallel writers that all do this lose nothing, as
 * long as none of them takes several times longer for a request than the others.
 *
 * Returns the content that was seen at rest, or what `findReplacement` returned. Rejects with
 * Conflict if the tag still changes after 64 reads, and with whatever `change` rejects with.
 */
export async function settleTag<T>(
  content: T | undefined,
  change: TagChange<T>,
  { name, hint, signal }: SettleOptions,
): Promise<T> {
  if (content !== undefined && change.includes(content)) return content;
  let standing = content;
  let round = 0;
  for (let reads = 0; reads < mostReads; reads++) {
    if (standing === undefined || !change.includes(standing)) {
      const again = reads > 0;
      const replacement = again ? await change.findReplacement?.() : undefined;
      if (replacement !== undefined) return replacement;
      const began = performance.now();
      // The shorter the time from reading to writing, the fewer writers come between.
      if (again) standing = await change.read();
      if (standing === undefined || !change.includes(standing)) standing = await change.write(standing);
      round = Math.max(round, performance.now() - began);
    }
    await pause(2 * round * (1 + Math.random()), signal);
    const now = await change.read();
    if (now !== undefined && change.includes(now) && change.isSame(now, standing)) return now;
    standing = now;
  }
  throw new FairleadError('Conflict', `${name}: other writers changed it ${mostReads} times in a row`, { hint });
}
