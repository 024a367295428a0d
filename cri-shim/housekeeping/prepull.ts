import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { FairleadError, toFairleadError } from '#lib/errors';
import { fileHint } from '#lib/files/file-hint';
import { requireFile } from '#lib/files/require-file';
import { requireTrustedPath } from '#lib/files/trusted-path';
import { parsePinned } from '#lib/registry/pinned-reference';
import { quote } from '#lib/text/quote';
import type { ShimLog } from '../report/shim-log.ts';

/** An artifact to pull before a pod names it. */
export interface Prepulled {
  readonly kind: string;
  readonly reference: string;
}

/** How long after a failure the next attempt follows, in milliseconds; doubled each time. */
const firstDelay = 60_000;
const longestDelay = 60 * 60_000;

/**
 * Reads a file of artifacts to pull: on each line a kind and a reference with a digest. Lines that
 * begin with # are comments. Throws InvalidInput for an invalid line, and for a file that cannot be
 * read or that other users can change.
 */
export async function readPrepullFile(path: string, isKind: (kind: string) => boolean): Promise<readonly Prepulled[]> {
  await requireTrustedPath(path);
  await requireFile(path);
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new FairleadError('InvalidInput', `cannot read ${path}`, { cause, ...fileHint(cause) });
  });
  return text.split('\n').flatMap((line, index) => {
    const words = line.trim().split(/\s+/);
    const [kind = '', reference = ''] = words;
    if (kind === '' || kind.startsWith('#')) return [];
    const place = `${path}:${index + 1}`;
    if (words.length !== 2 || !isKind(kind)) {
      throw new FairleadError('InvalidInput', `${place}: invalid line ${quote(line, 300)}`, {
        hint: 'Write a kind and a reference: Seccomp registry.example.com/security/nginx@sha256:…',
      });
    }
    try {
      parsePinned(reference);
    } catch (cause) {
      throw new FairleadError('InvalidInput', `${place}: ${toFairleadError(cause).message}`, { cause });
    }
    return [{ kind, reference }];
  });
}

/** The dependencies of prepull. */
export interface PrepullDependencies {
  readonly pull: (wanted: Prepulled, signal: AbortSignal) => Promise<{ readonly cached: boolean }>;
  readonly log: Pick<ShimLog, 'info' | 'warn'>;
  readonly signal: AbortSignal;
  /** Waits; by default, with a timer. */
  readonly wait?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

/**
 * Pulls artifacts one after the other, and those that failed again later, until all are there or
 * the signal aborts. Logs each result.
 */
export async function prepull(
  wanted: readonly Prepulled[],
  { pull, log, signal, wait = waitFor }: PrepullDependencies,
): Promise<void> {
  let left = wanted;
  for (let pause = firstDelay; ; pause = Math.min(2 * pause, longestDelay)) {
    const failed: Prepulled[] = [];
    for (const each of left) {
      if (signal.aborted) return;
      try {
        const { cached } = await pull(each, signal);
        log.info({ messageId: 'fairlead.prepull.done', ...each, cached }, 'profile pulled before it is needed');
      } catch (thrown) {
        if (signal.aborted) return;
        const { message, hint } = toFairleadError(thrown);
        const fields = { messageId: 'fairlead.prepull.failed', ...each, ...(hint === undefined ? {} : { hint }) };
        log.warn({ ...fields, againInSeconds: pause / 1000 }, `cannot pull a profile: ${message}`);
        failed.push(each);
      }
    }
    left = failed;
    if (left.length === 0) return;
    try {
      await wait(pause, signal);
    } catch {
      return; // The signal aborted.
    }
  }
}

function waitFor(milliseconds: number, signal: AbortSignal): Promise<void> {
  return delay(milliseconds, undefined, { signal, ref: false });
}
