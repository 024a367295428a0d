import type { FairleadError } from '#lib/errors';
import type { CopyOptions } from '#lib/registry/copy';
import type { Descriptor } from '#lib/registry/descriptor';
import { oneLine } from './output.ts';

type How = Parameters<NonNullable<CopyOptions['onContent']>>[1];

/** What was left behind, and why. */
interface Skipped {
  readonly digest: string;
  readonly reason: string;
}

/**
 * What a transfer moved: pieces of content by what became of them, the bytes that were sent, and
 * what was not to be had.
 */
export interface Transfer {
  readonly onContent: (descriptor: Descriptor, how: How) => void;
  readonly onSkipped: (descriptor: Descriptor, error: FairleadError) => void;
  readonly counts: Readonly<Record<How, number>>;
  readonly sentBytes: number;
  readonly skipped: readonly Skipped[];
}

/** Counts what is copied, and tells it on stderr while it happens, where a person looks. */
export function watchTransfer(): Transfer {
  const counts = { sent: 0, mounted: 0, present: 0 };
  const skipped: Skipped[] = [];
  let sentBytes = 0;
  return {
    onContent({ digest, size, mediaType }, how) {
      counts[how]++;
      if (how === 'sent') sentBytes += size;
      if (process.stderr.isTTY) process.stderr.write(`${how.padEnd(7)}  ${digest}  ${size} bytes  ${mediaType}\n`);
    },
    onSkipped({ digest }, { message: reason }) {
      skipped.push({ digest, reason });
    },
    counts,
    skipped,
    get sentBytes() {
      return sentBytes;
    },
  };
}

/**
 * Describes a transfer for people: a line for what was sent, and one for each referrer or list that
 * was left behind.
 */
export function describeTransfer({ counts, sentBytes, skipped }: Transfer): string {
  const mounted = counts.mounted === 0 ? '' : `, ${counts.mounted} taken over within the registry`;
  const pieces = counts.sent === 1 ? '1 piece' : `${counts.sent} pieces`;
  return [
    `sent       ${pieces}, ${sentBytes} bytes${mounted}, ${counts.present} there already`,
    ...skipped.map(({ digest, reason }) => `skipped    ${digest}: ${oneLine(reason)}`),
  ].join('\n');
}
